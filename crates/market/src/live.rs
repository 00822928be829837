//! Following the exchange live. Three concerns: what is missing and in which order it is delivered (`repair`, pure), the
//! sockets, requests and clocks as one state machine (`feed`, pure), and what moves bytes for it (`driver`, `socket`).

mod driver;
mod feed;
mod repair;
mod socket;

use std::collections::BTreeMap;
use std::time::Duration;

use kline::{BarTime, Symbol};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use feed::{Action, Feed, Input, LineId};
pub use repair::{Brought, Missing, Repair, Settled, Shown};
pub use socket::refused_handshake;

use crate::{ExchangeSettings, MarketError, MarketEvent, RestClient};
use driver::Driver;

/// How many asked-for ranges may wait for a feed. At the bound the one who asks is told so.
const QUEUE_WANTED: usize = 1_024;

/// A running live source: one task for every `streams_per_connection` symbols, which follows them on `lines` sockets. It
/// connects first, holds frames back, fetches by REST what is missing since the last known bars, delivers both in order
/// and without doubles, and then follows. Whenever a connection ends it says so, waits, and connects again, for ever: an
/// exchange that is down at the start is only the first such wait. Dropping it ends the tasks.
#[derive(Debug)]
pub struct LiveSource {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    wanted: Vec<(Vec<Symbol>, mpsc::Sender<Missing>)>,
}

impl LiveSource {
    /// Starts to follow. `from` holds each symbol's last known bar; a symbol that is not in it begins with the last
    /// bar that has closed. A full `events` queue holds the sockets back, nothing is dropped but back-fill progress;
    /// a closed one ends the source. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`MarketError::Address`] or [`MarketError::Client`]; an exchange that does not answer is no error.
    pub fn spawn(
        settings: ExchangeSettings,
        client: RestClient,
        from: &BTreeMap<Symbol, BarTime>,
        events: mpsc::Sender<MarketEvent>,
    ) -> Result<Self, MarketError> {
        settings.validate()?;
        crate::tls::install_ring();
        let mut symbols = settings.symbols.clone();
        symbols.sort_unstable();
        symbols.dedup();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut wanted = Vec::new();
        for chunk in symbols.chunks(settings.limits.streams_per_connection.max(1)) {
            let settings = ExchangeSettings { symbols: chunk.to_vec(), ..settings.clone() };
            let repair = Repair::new(settings.interval, chunk, from);
            let feed = Feed::new(&settings, repair, Instant::now(), rand::random());
            let (asking, asked) = mpsc::channel(QUEUE_WANTED);
            let driver = Driver::new(settings, client.clone(), feed, asked, events.clone());
            wanted.push((chunk.to_vec(), asking));
            let mut stopped = stopped.clone();
            tasks.spawn(async move {
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => {}
                    () = driver.run() => {}
                }
            });
        }
        Ok(Self { stop, tasks, wanted })
    }

    /// Asks for bars that the owner misses. Their klines come as events, or a [`MarketEvent::Gap`]; until then they are asked
    /// for again and again. Answers false if too many ranges wait already, or nobody follows the symbol.
    #[must_use]
    pub fn want(&self, missing: Missing) -> bool {
        let feed = self.wanted.iter().find(|(symbols, _)| symbols.binary_search(&missing.symbol).is_ok());
        feed.is_some_and(|(_, asking)| asking.try_send(missing).is_ok())
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
