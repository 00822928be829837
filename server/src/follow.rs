//! The task that follows the exchange: stored klines first, the rest by back-fill, then live.

mod gaps;
mod listings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forecast::{Forecaster, Journalled};
use kline::{BarTime, Interval, Kline, Symbol};
use market::backoff::Backoff;
use market::live::Missing;
use market::{ExchangeSettings, LiveSource, MarketError, MarketEvent, RestClient, backfill};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::wall_time;
use crate::engine_thread::Command;
use crate::journaling::Journaling;
use crate::parity::ParityAudit;
use crate::state::{ExchangeState, ExchangeView, Shared};
use crate::stores::Stores;
use crate::telemetry::{metrics as names, snapshots};

/// How many events of the source may wait. At the bound the socket is not read.
const QUEUE_EVENTS: usize = 8_192;

/// How long the source's tasks may take to end.
const STOP_WAIT: Duration = Duration::from_secs(2);

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
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            last = self.warm_up(&client) => {
                if let Some(last) = last {
                    self.champion_looked_for(&stop).await;
                    return self.live(client, &last, stop.clone()).await;
                }
            }
        }
        Ok(())
    }

    /// Waits until the champion, if there is one, answers: live klines come after it.
    async fn champion_looked_for(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.shared.champion_looked_for.cancelled() => {}
        }
    }

    /// Brings the engine up to now; each symbol's last bar, or `None` if the engine has ended.
    async fn warm_up(&self, client: &RestClient) -> Option<BTreeMap<Symbol, BarTime>> {
        self.settle_holes().await;
        let mut backoff = Backoff::new(self.exchange.limits.backoff);
        let history = loop {
            match self.history(client).await {
                Ok(history) => break history,
                Err(problem) => {
                    let wait = backoff.next_wait(0.0);
                    tracing::warn!(%problem, attempt = backoff.attempt(), wait_ms = wait.as_millis(), "the exchange did not answer, trying again");
                    names::count_reconnect();
                    self.show(ExchangeState::Connecting, Some(problem));
                    tokio::time::sleep(wait).await;
                }
            }
        };
        let interval = self.exchange.interval;
        let last = history
            .iter()
            .filter_map(|(symbol, klines)| Some((*symbol, klines.last()?.bar_time(interval))))
            .collect();
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

    /// The last bars of every symbol, from the store and the rest from the exchange.
    async fn history(&self, client: &RestClient) -> Result<BTreeMap<Symbol, Vec<Kline>>, String> {
        let interval = self.exchange.interval;
        let now = client.server_time().await.map_err(|error| error.to_string())?;
        self.shared.hear_exchange_time(now);
        self.show(ExchangeState::Backfilling, None);
        let until = BarTime::last_closed(now, interval);
        let bars = i64::try_from(self.history_bars).unwrap_or(i64::MAX / 2);
        let from = until.plus(1 - bars, interval);
        let mut history = BTreeMap::new();
        for &symbol in &self.exchange.symbols {
            let stores = self.stores.clone();
            let read = move || stores.klines(symbol, interval, from, until);
            let stored = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
            let stored = stored.map_err(|refusal| refusal.to_string())?;
            let missing = missing_ranges(&stored, from, until, interval);
            let mut klines: BTreeMap<BarTime, Kline> =
                stored.into_iter().map(|kline| (kline.bar_time(interval), kline)).collect();
            for (first, last) in missing {
                let (start, end) = (first.open_time(interval), last.milliseconds() + 1);
                let fetched = backfill(client, symbol, interval, start, end, |progress| {
                    tracing::debug!(%symbol, bars_done = progress.bars_done, bars_total = progress.bars_total, "back-filling");
                })
                .await;
                let fetched = match fetched {
                    // A symbol that the exchange does not know keeps nobody waiting.
                    Err(refused @ MarketError::Refused { .. }) => {
                        tracing::warn!(%symbol, %refused, "the exchange has no klines of this symbol");
                        Vec::new()
                    }
                    fetched => fetched.map_err(|error| format!("{symbol}: {error}"))?,
                };
                names::count_backfilled(fetched.len());
                let (stores, written) = (self.stores.clone(), fetched.clone());
                let write = move || stores.write_klines(symbol, interval, &written);
                if let Ok(Err(problem)) = tokio::task::spawn_blocking(write).await {
                    tracing::error!(%symbol, %problem, "back-filled klines were not stored");
                }
                self.note_fetched(symbol, &fetched, now);
                klines.extend(fetched.into_iter().map(|kline| (kline.bar_time(interval), kline)));
            }
            self.note_holes(symbol, klines.keys().copied(), now);
            history.insert(symbol, klines.into_values().collect());
        }
        self.forget_holes(now).await;
        Ok(history)
    }

    /// Feeds live klines to the engine.
    async fn live(
        mut self,
        client: RestClient,
        last: &BTreeMap<Symbol, BarTime>,
        stop: CancellationToken,
    ) -> Result<(), MarketError> {
        let (sender, mut events) = mpsc::channel(QUEUE_EVENTS);
        let source = LiveSource::spawn(self.exchange.clone(), client, last, sender)?;
        loop {
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                event = events.recv() => event,
                Some(missing) = self.ranges.recv() => {
                    if !source.want(missing) {
                        names::count_alarm("fetch_dropped");
                        tracing::warn!(symbol = %missing.symbol, from = %missing.from, to = %missing.to, "a missing range was not fetched, too many wait");
                    }
                    continue;
                }
            };
            let Some(event) = event else { break };
            if let Some(command) = self.command(event)
                && self.engine.send(command).await.is_err()
            {
                break;
            }
        }
        source.stop(STOP_WAIT).await;
        Ok(())
    }

    /// What an event asks of the engine; changes of the line are shown.
    fn command(&self, event: MarketEvent) -> Option<Command> {
        match event {
            MarketEvent::Kline(received) => Some(Command::Kline(received)),
            MarketEvent::Late(klines) => {
                names::count_backfilled(klines.len());
                Some(Command::Late(klines))
            }
            MarketEvent::Audited { symbol, klines } => Some(Command::Audited { symbol, klines }),
            MarketEvent::Time(time) => {
                names::show_clock_offset(time - wall_time());
                Some(Command::Time(time))
            }
            MarketEvent::Opened { line, open_lines } => {
                tracing::info!(line, open_lines, "a socket to the exchange is open");
                names::show_lines(open_lines);
                None
            }
            MarketEvent::Connected => {
                tracing::info!("following the exchange live");
                self.show(ExchangeState::Live, None);
                None
            }
            MarketEvent::Reconnecting { line, open_lines, attempt, wait, reason } => {
                tracing::warn!(
                    line,
                    open_lines,
                    attempt,
                    wait_ms = wait.as_millis(),
                    reason,
                    "a socket to the exchange is down"
                );
                names::count_reconnect();
                names::show_lines(open_lines);
                if open_lines == 0 {
                    self.show(ExchangeState::Reconnecting, Some(reason));
                }
                None
            }
            MarketEvent::Released { reason } => {
                tracing::warn!(reason, "missing bars cannot be fetched now and will come late");
                names::count_alarm("catch_up_released");
                None
            }
            MarketEvent::Gap { symbol, from, to } => {
                tracing::warn!(%symbol, %from, %to, "the exchange does not have these bars");
                names::count_alarm("exchange_gap");
                let (interval, now) = (self.exchange.interval, self.shared.exchange_time());
                self.shared.gaps.lack(Missing { symbol, from, to }, interval, now);
                self.keep_gaps();
                None
            }
            MarketEvent::BackfillProgress(progress) => {
                tracing::debug!(symbol = %progress.symbol, bars_done = progress.bars_done, "catching up");
                None
            }
        }
    }

    fn show(&self, state: ExchangeState, problem: Option<String>) {
        snapshots::show_exchange(state);
        self.shared.exchange.store(Arc::new(ExchangeView { state, problem }));
    }
}

/// The ranges from `from` to `until` (both included) that `stored`, in order, does not cover.
fn missing_ranges(
    stored: &[Kline],
    from: BarTime,
    until: BarTime,
    interval: Interval,
) -> Vec<(BarTime, BarTime)> {
    let mut missing = Vec::new();
    let mut next = from;
    for kline in stored {
        let bar = kline.bar_time(interval);
        if bar > next {
            missing.push((next, bar.plus(-1, interval)));
        }
        next = next.max(bar.plus(1, interval));
    }
    if next <= until {
        missing.push((next, until));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    #[test]
    fn what_is_not_stored_is_missing() {
        let bar = |index: i64| BarTime::from_open(index * 900_000, Interval::M15).expect("on the grid");
        let stored: Vec<Kline> = [3, 4, 7]
            .iter()
            .map(|index| Kline::new(Interval::M15, KlineFields::flat(index * 900_000, 1.0)).expect("valid"))
            .collect();
        let missing = |from, until| missing_ranges(&stored, bar(from), bar(until), Interval::M15);
        assert_eq!(missing(1, 9), [(bar(1), bar(2)), (bar(5), bar(6)), (bar(8), bar(9))]);
        assert_eq!(missing_ranges(&stored[..2], bar(3), bar(4), Interval::M15), []);
        assert_eq!(missing_ranges(&[], bar(1), bar(2), Interval::M15), [(bar(1), bar(2))]);
    }
}
