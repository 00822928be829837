//! What a start does with the gap ledger of the processes before.

use forecast::Source;
use kline::{BarTime, Kline, Milliseconds, Symbol};
use market::live::Missing;

use super::history::HistoryReader;
use crate::gaps::GapLedger;

impl HistoryReader {
    /// Fills the holes whose klines are in the store: the process before was killed between the two, or somebody has ingested
    /// them.
    pub(super) async fn settle_holes(&self) {
        let (stores, interval) = (self.stores.clone(), self.interval);
        let unfilled = self.shared.gaps.list(None, true, interval);
        let look = move || {
            let mut found: Vec<(Symbol, BarTime)> = Vec::new();
            for gap in unfilled {
                let klines = stores.klines(gap.symbol, interval, gap.from, gap.to)?;
                found.extend(klines.iter().map(|kline| (gap.symbol, kline.bar_time(interval))));
            }
            Ok::<_, crate::reason::Refusal>(found)
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(found)) => {
                for (symbol, bar) in found {
                    self.shared.gaps.fill(symbol, bar, Source::Store, None);
                }
                self.keep_gaps();
            }
            // The store has logged why; a hole that is not settled now stays as it was.
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("holes of earlier processes were not compared with the store");
            }
        }
    }

    /// Notes that klines came which were missing.
    pub(super) fn note_fetched(&self, symbol: Symbol, fetched: &[Kline], now: Milliseconds) {
        for kline in fetched {
            let bar = kline.bar_time(self.interval);
            self.shared.gaps.fill(symbol, bar, Source::Rest, Some(now));
        }
    }

    /// Notes the bars between a symbol's first and last one that neither the store nor the exchange has.
    pub(super) fn note_holes(&self, symbol: Symbol, bars: impl Iterator<Item = BarTime>, now: Milliseconds) {
        let interval = self.interval;
        let mut next = None;
        for bar in bars {
            if let Some(from) = next.filter(|next| *next < bar) {
                let missing = Missing { symbol, from, to: bar.plus(-1, interval) };
                self.shared.gaps.lack(missing, interval, now);
            }
            next = Some(bar.plus(1, interval));
        }
        self.keep_gaps();
    }

    /// Forgets what the store has of holes that are too old to matter.
    pub(super) async fn forget_holes(&self, now: Milliseconds) {
        let (stores, interval) = (self.stores.clone(), self.interval);
        let oldest = BarTime::last_closed(GapLedger::oldest(now).max(0), interval);
        let forget = move || stores.forget_holes_before(interval, oldest);
        if !matches!(tokio::task::spawn_blocking(forget).await, Ok(Ok(()))) {
            tracing::warn!("old holes of the gap ledger were not forgotten, the next start tries again");
        }
    }

    /// Lets the journal's thread keep what has changed.
    pub(super) fn keep_gaps(&self) {
        if self.shared.gaps.has_news() {
            self.journaling.note_gaps();
        }
    }
}
