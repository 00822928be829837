//! The history that a Forecaster is warmed up with: from the store, and the rest from the exchange.

use std::collections::BTreeMap;
use std::sync::Arc;

use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};
use market::{MarketError, RestClient, backfill, renamed};

use crate::journaling::Journaling;
use crate::state::Shared;
use crate::stores::Stores;
use crate::telemetry::metrics as names;

/// Each symbol's klines, in order.
pub(super) type History = BTreeMap<Symbol, Vec<Kline>>;

/// Reads histories.
#[derive(Debug, Clone)]
pub(super) struct HistoryReader {
    /// The exchange.
    pub(super) client: RestClient,
    /// Where klines are kept.
    pub(super) stores: Stores,
    /// The snapshots.
    pub(super) shared: Arc<Shared>,
    /// Where the gap ledger is kept.
    pub(super) journaling: Journaling,
    /// The step.
    pub(super) interval: Interval,
    /// How many bars of each symbol.
    pub(super) bars: usize,
}

impl HistoryReader {
    /// The last bars of every symbol. What the store lacks is fetched and stored.
    ///
    /// # Errors
    /// In words, when the exchange or the store does not answer.
    pub(super) async fn read(&self, symbols: &[Symbol]) -> Result<History, String> {
        let now = self.client.server_time().await.map_err(|error| error.to_string())?;
        self.shared.hear_exchange_time(now);
        let until = BarTime::last_closed(now, self.interval);
        let bars = i64::try_from(self.bars).unwrap_or(i64::MAX / 2);
        let from = until.plus(1 - bars, self.interval);
        let mut history = History::new();
        for &symbol in symbols {
            let mut klines = self.series(symbol, (from, until), now).await?;
            if let Some(old) = renamed::predecessor(symbol) {
                let first = klines.first().map_or(until, |first| first.bar_time(self.interval));
                if from < first {
                    let earlier = self.series(old, (from, first.plus(-1, self.interval)), now).await?;
                    tracing::info!(%symbol, %old, bars = earlier.len(), "a renamed market goes on from its old name");
                    klines.splice(..0, earlier);
                }
            }
            self.note_holes(symbol, klines.iter().map(|kline| kline.bar_time(self.interval)), now);
            history.insert(symbol, klines);
        }
        self.forget_holes(now).await;
        Ok(history)
    }

    /// The bars that stand under one name.
    async fn series(
        &self,
        symbol: Symbol,
        (from, until): (BarTime, BarTime),
        now: Milliseconds,
    ) -> Result<Vec<Kline>, String> {
        let interval = self.interval;
        let stores = self.stores.clone();
        let read = move || stores.klines_of_name(symbol, interval, from, until);
        let stored = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
        let stored = stored.map_err(|refusal| refusal.to_string())?;
        let missing = missing_ranges(&stored, from, until, interval);
        let mut klines: BTreeMap<BarTime, Kline> =
            stored.into_iter().map(|kline| (kline.bar_time(interval), kline)).collect();
        for (first, last) in missing {
            let fetched = self.fetch(symbol, first, last).await?;
            self.note_fetched(symbol, &fetched, now);
            klines.extend(fetched.into_iter().map(|kline| (kline.bar_time(interval), kline)));
        }
        Ok(klines.into_values().collect())
    }

    /// Fetches bars and stores them.
    async fn fetch(&self, symbol: Symbol, first: BarTime, last: BarTime) -> Result<Vec<Kline>, String> {
        let interval = self.interval;
        let (start, end) = (first.open_time(interval), last.milliseconds() + 1);
        let fetched = backfill(&self.client, symbol, interval, start, end, |progress| {
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
        Ok(fetched)
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
