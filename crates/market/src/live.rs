//! Following the exchange live. Two concerns in two files: what is missing and in which order it is
//! delivered (`repair`, pure), and the socket itself (`connection`).

mod connection;
mod repair;

use std::collections::BTreeMap;
use std::time::Duration;

use kline::{BarTime, Symbol};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use repair::{Missing, Repair, Settled};

use crate::{ExchangeSettings, MarketError, MarketEvent, RestClient};
use connection::Follower;

/// A running live source: one task for every `streams_per_connection` symbols. It connects first, holds frames back,
/// fetches by REST what is missing since the last known bars, delivers both in order and without doubles, and then
/// follows. Whenever the connection ends it says so, waits, and does the same again, for ever: an exchange that is
/// down at the start is only the first such wait. Dropping it ends the tasks.
#[derive(Debug)]
pub struct LiveSource {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl LiveSource {
    /// Starts to follow. `from` holds each symbol's last known bar; a symbol that is not in it begins with the last
    /// bar that has closed. A full `events` queue holds the socket back, nothing is dropped but back-fill progress;
    /// a closed one ends the source. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`MarketError::Address`] or [`MarketError::Client`]; an exchange that does not answer is no error.
    pub fn spawn(
        settings: ExchangeSettings,
        from: &BTreeMap<Symbol, BarTime>,
        events: mpsc::Sender<MarketEvent>,
    ) -> Result<Self, MarketError> {
        settings.validate()?;
        crate::tls::install_ring();
        let client = RestClient::new(&settings)?;
        let mut symbols = settings.symbols.clone();
        symbols.sort_unstable();
        symbols.dedup();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for chunk in symbols.chunks(settings.limits.streams_per_connection.max(1)) {
            let repair = Repair::new(settings.interval, chunk, from);
            let follower = Follower::new(&settings, chunk, client.clone(), repair, events.clone());
            let mut stopped = stopped.clone();
            tasks.spawn(async move {
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => {}
                    () = follower.run() => {}
                }
            });
        }
        Ok(Self { stop, tasks })
    }

    /// Waits until the source has ended, which it only does when nobody receives its events any more.
    pub async fn finished(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a live source's task failed");
            }
        }
    }

    /// Ends the connections and waits for the tasks, at most for `grace`.
    pub async fn stop(mut self, grace: Duration) {
        // An error only says that every task has ended already.
        let _ = self.stop.send(true);
        if tokio::time::timeout(grace, self.finished()).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}
