//! What is to be fetched apart from the order of delivery: bars that the owner misses, bars in doubt, and the audit's.
//! Pure.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use kline::{BarTime, Interval, Milliseconds, Symbol};
use tokio::time::Instant;

use crate::ExchangeLimits;
use crate::live::Missing;

/// Most ranges that wait; beyond that the earliest bars are let go (their owner asks again).
const RANGES_MAX: usize = 8_192;

/// Ranges of bars to fetch, each once, those with the earliest bars last.
#[derive(Debug, Default)]
pub(super) struct Wants {
    ranges: BTreeSet<(BarTime, Missing)>,
}

impl Wants {
    /// Adds a range.
    pub(super) fn add(&mut self, missing: Missing) {
        self.ranges.insert((missing.to, missing));
        if self.ranges.len() > RANGES_MAX {
            self.ranges.pop_first();
        }
    }

    /// The newest ranges, at most `count`, which have closed at `clock`.
    pub(super) fn next(&self, count: usize, clock: Milliseconds) -> Vec<Missing> {
        let closed = |missing: &&Missing| missing.to.milliseconds() < clock;
        self.ranges.iter().rev().map(|(_, missing)| missing).filter(closed).take(count).copied().collect()
    }

    /// A range is done.
    pub(super) fn remove(&mut self, missing: Missing) {
        self.ranges.remove(&(missing.to, missing));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

/// Whose turn it is to be audited.
#[derive(Debug)]
pub(super) struct Audit {
    turns: VecDeque<Symbol>,
    bars: i64,
    pause: Duration,
    pub(super) next_at: Instant,
}

impl Audit {
    /// Each of `symbols` in turn; the first one after a pause.
    pub(super) fn new(
        symbols: impl ExactSizeIterator<Item = Symbol>,
        limits: &ExchangeLimits,
        now: Instant,
    ) -> Self {
        let count = u32::try_from(symbols.len()).unwrap_or(u32::MAX).max(1);
        let fastest = Duration::from_secs(60) / limits.audits_per_minute.max(1);
        let pause = (limits.audit_every / count).max(fastest);
        Self { turns: symbols.collect(), bars: i64::from(limits.audit_bars), pause, next_at: now + pause }
    }

    pub(super) const fn is_off(&self) -> bool {
        self.bars == 0
    }

    /// The next symbol's last closed bars; the one that has just closed is left to the sockets.
    pub(super) fn turn(&mut self, now: Instant, clock: Milliseconds, interval: Interval) -> Option<Missing> {
        self.next_at = now + self.pause;
        let symbol = self.turns.pop_front()?;
        self.turns.push_back(symbol);
        let to = BarTime::last_closed(clock, interval).plus(-1, interval);
        Some(Missing { symbol, from: to.plus(1 - self.bars, interval), to })
    }
}
