//! The task that follows the exchange: stored klines first, the rest by back-fill, then live.

pub mod change;
mod gaps;
mod history;
mod line;
mod listings;
mod live;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forecast::{Forecaster, Journalled};
use kline::{BarTime, Milliseconds, Symbol};
use market::backoff::Backoff;
use market::live::Missing;
use market::{ExchangeSettings, MarketError, RestClient};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::engine_thread::Command;
use crate::followed::Followed;
use crate::journaling::Journaling;
use crate::parity::ParityAudit;
use crate::state::{ExchangeState, Shared};
use crate::stores::Stores;
use crate::telemetry::metrics as names;
use change::FollowRequests;
use history::HistoryReader;
use live::Live;

/// Follows the exchange and feeds the engine.
#[derive(Debug)]
pub struct Follower {
    /// Which exchange, which symbols.
    pub exchange: ExchangeSettings,
    /// How many bars of history each symbol is warmed up with.
    pub history_bars: usize,
    /// How often the exchange is asked which symbols it trades.
    pub listings_every: Duration,
    /// How often live answers are audited; zero is never.
    pub parity_every: Duration,
    /// The snapshots.
    pub shared: Arc<Shared>,
    /// The stores.
    pub stores: Stores,
    /// The engine's queue.
    pub engine: mpsc::Sender<Command>,
    /// Where the gap ledger is kept.
    pub journaling: Journaling,
    /// Ranges that the engine wants.
    pub ranges: mpsc::Receiver<Missing>,
    /// How long bars wait for late klines.
    pub max_lateness_ms: Milliseconds,
    /// Which symbols are followed after a restart.
    pub followed: Followed,
    /// Asked-for changes of it.
    pub requests: FollowRequests,
}

impl Follower {
    /// Follows until `stop` or until the engine has ended. An exchange that is down is tried again for ever.
    ///
    /// # Errors
    /// An address that cannot be used, or a system without TLS roots.
    pub async fn run(self, stop: CancellationToken) -> Result<(), MarketError> {
        let client = RestClient::new(&self.exchange)?;
        let listings =
            listings::watch(client.clone(), self.shared.clone(), self.listings_every, stop.clone());
        let listings = tokio::spawn(listings);
        let parity = ParityAudit {
            client: client.clone(),
            stores: self.stores.clone(),
            shared: self.shared.clone(),
            interval: self.exchange.interval,
            every: self.parity_every,
        };
        let parity = tokio::spawn(parity.run(stop.clone()));
        let followed = self.follow(client, stop).await;
        // They stop by the same token; after an error of ours nobody waits for them.
        listings.abort();
        parity.abort();
        followed
    }

    async fn follow(self, client: RestClient, stop: CancellationToken) -> Result<(), MarketError> {
        let reader = HistoryReader {
            client,
            stores: self.stores.clone(),
            shared: self.shared.clone(),
            journaling: self.journaling.clone(),
            interval: self.exchange.interval,
            bars: self.history_bars,
        };
        let last = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            last = self.warm_up(&reader) => last,
        };
        let Some(last) = last else { return Ok(()) };
        self.champion_looked_for(&stop).await;
        let Self { exchange, engine, ranges, max_lateness_ms, followed, requests, .. } = self;
        let live = Live { exchange, reader, max_lateness_ms, engine, ranges, followed, requests };
        live.run(&last, stop).await
    }

    /// Waits until the champion, if there is one, answers: live klines come after it.
    async fn champion_looked_for(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.shared.champion_looked_for.cancelled() => {}
        }
    }

    /// Brings the engine up to now; each symbol's last bar, or `None` if the engine has ended.
    async fn warm_up(&self, reader: &HistoryReader) -> Option<BTreeMap<Symbol, BarTime>> {
        reader.settle_holes().await;
        let mut backoff = Backoff::new(self.exchange.limits.backoff);
        line::show(&self.shared, ExchangeState::Backfilling, None);
        let history = loop {
            match reader.read(&self.exchange.symbols).await {
                Ok(history) => break history,
                Err(problem) => {
                    let wait = backoff.next_wait(0.0);
                    tracing::warn!(%problem, attempt = backoff.attempt(), wait_ms = wait.as_millis(), "the exchange did not answer, trying again");
                    names::count_reconnect();
                    line::show(&self.shared, ExchangeState::Connecting, Some(problem));
                    tokio::time::sleep(wait).await;
                }
            }
        };
        let interval = self.exchange.interval;
        let last = change::last_bars(&history, interval);
        let taken_bars = history.values().map(Vec::len).sum::<usize>();
        let stores = self.stores.clone();
        // Earlier predictions could neither be scored nor amended.
        let bars = i64::try_from(Forecaster::REPLAY_BARS).unwrap_or(i64::MAX);
        let since = BarTime::last_closed(self.shared.exchange_time(), interval).plus(-bars, interval);
        let journalled = tokio::task::spawn_blocking(move || stores.journalled(since, interval)).await;
        let journalled = match journalled {
            Ok(Ok(journalled)) => journalled,
            Ok(Err(problem)) => {
                tracing::error!(%problem, "the journal cannot be read, earlier predictions are not scored");
                Journalled::default()
            }
            Err(_) => Journalled::default(),
        };
        let stores = self.stores.clone();
        let snapshot = match tokio::task::spawn_blocking(move || stores.snapshot()).await {
            Ok(Ok(snapshot)) => snapshot,
            // The store has logged why; a state is only a short cut.
            Ok(Err(_)) | Err(_) => None,
        };
        let (done, finished) = oneshot::channel();
        let warm_up = Command::WarmUp { history, snapshot, journalled, done };
        self.engine.send(warm_up).await.ok()?;
        finished.await.ok()?;
        tracing::info!(taken_bars, "history taken in");
        Some(last)
    }
}
