//! The ledger of holes: every bar that was found missing, and what became of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kline::{BarTime, Interval, Milliseconds, Symbol};
use market::KlineSource;
use market::live::Missing;

use crate::telemetry::metrics as names;

/// Most bars that are remembered. Beyond that the earliest are forgotten; what is missing still counts in the metrics.
const BARS_MAX: usize = 65_536;

/// What has become of a missing bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapState {
    /// It is being asked for.
    Open,
    /// The exchange was asked and does not have it. It is asked for again for a while.
    Lacking {
        /// When it last said so, by its clock.
        at_ms: Milliseconds,
    },
    /// It came.
    Filled {
        /// From where.
        source: KlineSource,
        /// When, by the exchange's clock; 0 if that is not known.
        at_ms: Milliseconds,
    },
}

/// Bars of one symbol, one after the other, with the same story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The market.
    pub symbol: Symbol,
    /// The first bar.
    pub from: BarTime,
    /// The last bar.
    pub to: BarTime,
    /// How many bars.
    pub bars: u64,
    /// When it was noticed, by the exchange's clock.
    pub noticed_at_ms: Milliseconds,
    /// What has become of it.
    pub state: GapState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hole {
    noticed_at_ms: Milliseconds,
    state: GapState,
}

/// The ledger. Since the process started; what the exchange lacks is found again at every start.
#[derive(Debug, Default)]
pub struct GapLedger {
    holes: Mutex<Holes>,
    /// Holes that are not filled: nothing is looked up while there are none.
    unfilled: AtomicU64,
}

/// The holes, and how many of them are open and lacking: counted as they change, since there may be many.
#[derive(Debug, Default)]
struct Holes {
    by_bar: BTreeMap<(BarTime, Symbol), Hole>,
    open: u64,
    lacking: u64,
}

impl Holes {
    const fn count_of(&mut self, state: GapState) -> Option<&mut u64> {
        match state {
            GapState::Open => Some(&mut self.open),
            GapState::Lacking { .. } => Some(&mut self.lacking),
            GapState::Filled { .. } => None,
        }
    }

    /// Puts a hole where another state was or nothing.
    fn put(&mut self, key: (BarTime, Symbol), hole: Hole) {
        if let Some(count) = self.count_of(hole.state) {
            *count += 1;
        }
        let before = self.by_bar.insert(key, hole);
        self.uncount(before);
    }

    fn forget_first(&mut self) {
        let first = self.by_bar.pop_first().map(|(_, hole)| hole);
        self.uncount(first);
    }

    fn uncount(&mut self, hole: Option<Hole>) {
        if let Some(count) = hole.and_then(|hole| self.count_of(hole.state)) {
            *count -= 1;
        }
    }
}

impl GapLedger {
    fn lock(&self) -> MutexGuard<'_, Holes> {
        self.holes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bars are missing and will be asked for.
    pub fn notice(&self, missing: Missing, interval: Interval, now: Milliseconds) {
        self.set(missing, interval, now, GapState::Open);
    }

    /// The exchange does not have these bars.
    pub fn lack(&self, missing: Missing, interval: Interval, now: Milliseconds) {
        self.set(missing, interval, now, GapState::Lacking { at_ms: now });
    }

    fn set(&self, missing: Missing, interval: Interval, now: Milliseconds, state: GapState) {
        let mut holes = self.lock();
        let mut new = 0;
        // A range longer than the ledger keeps its last bars.
        let longest = i64::try_from(BARS_MAX).unwrap_or(i64::MAX);
        let mut bar = missing.from.max(missing.to.plus(1 - longest, interval));
        while bar <= missing.to {
            let key = (bar, missing.symbol);
            match holes.by_bar.get(&key).copied() {
                // A bar that is asked for again is still lacking until something else is known.
                Some(Hole { state: GapState::Lacking { .. }, .. }) if state == GapState::Open => {}
                Some(known) => holes.put(key, Hole { state, ..known }),
                None => {
                    new += 1;
                    holes.put(key, Hole { noticed_at_ms: now, state });
                }
            }
            bar = bar.plus(1, interval);
        }
        names::count_missing(new);
        while holes.by_bar.len() > BARS_MAX {
            holes.forget_first();
        }
        self.show(&holes);
    }

    /// A closed kline has come; if its bar was missing it is not any more.
    pub fn fill(&self, symbol: Symbol, bar: BarTime, source: KlineSource, heard: Option<Milliseconds>) {
        if self.unfilled.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut holes = self.lock();
        if let Some(hole) = holes.by_bar.get(&(bar, symbol)).copied()
            && !matches!(hole.state, GapState::Filled { .. })
        {
            let state = GapState::Filled { source, at_ms: heard.unwrap_or(0) };
            holes.put((bar, symbol), Hole { state, ..hole });
            names::count_filled(source);
            self.show(&holes);
        }
    }

    fn show(&self, holes: &Holes) {
        self.unfilled.store(holes.open + holes.lacking, Ordering::Relaxed);
        names::show_gaps(holes.open, holes.lacking);
    }

    /// The holes, symbol by symbol in the order of their bars; of one symbol only if it is given, and only those that are
    /// not filled if `unfilled`.
    #[must_use]
    pub fn list(&self, symbol: Option<Symbol>, unfilled: bool, interval: Interval) -> Vec<Gap> {
        let holes = self.lock();
        let mut by_symbol: BTreeMap<Symbol, Vec<Gap>> = BTreeMap::new();
        for (&(bar, of), hole) in &holes.by_bar {
            let is_filled = matches!(hole.state, GapState::Filled { .. });
            if symbol.is_some_and(|symbol| symbol != of) || (unfilled && is_filled) {
                continue;
            }
            let gaps = by_symbol.entry(of).or_default();
            match gaps.last_mut() {
                Some(last) if last.to.plus(1, interval) == bar && last.has_story(hole) => {
                    (last.to, last.bars) = (bar, last.bars + 1);
                }
                _ => gaps.push(Gap {
                    symbol: of,
                    from: bar,
                    to: bar,
                    bars: 1,
                    noticed_at_ms: hole.noticed_at_ms,
                    state: hole.state,
                }),
            }
        }
        by_symbol.into_values().flatten().collect()
    }
}

impl Gap {
    fn has_story(&self, hole: &Hole) -> bool {
        self.noticed_at_ms == hole.noticed_at_ms && self.state == hole.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M15: Interval = Interval::M15;

    fn bar(index: i64) -> BarTime {
        BarTime::from_open(index * 900_000, M15).expect("on the grid")
    }

    fn missing(name: &str, from: i64, to: i64) -> Missing {
        Missing { symbol: name.parse().expect("a symbol"), from: bar(from), to: bar(to) }
    }

    #[test]
    fn a_hole_is_open_then_lacking_or_filled_and_its_story_is_told() {
        let ledger = GapLedger::default();
        let a = missing("A", 1, 4).symbol;
        ledger.notice(missing("A", 1, 4), M15, 100);
        ledger.fill(a, bar(2), KlineSource::Rest, Some(200));
        ledger.lack(missing("A", 3, 4), M15, 300);
        ledger.notice(missing("A", 3, 3), M15, 400);
        ledger.notice(missing("B", 9, 9), M15, 500);
        let story = |gap: &Gap| (gap.symbol, gap.from, gap.to, gap.noticed_at_ms, gap.state);
        let found: Vec<_> = ledger.list(None, false, M15).iter().map(story).collect();
        let b = missing("B", 9, 9).symbol;
        let lacking = GapState::Lacking { at_ms: 300 };
        let filled = GapState::Filled { source: KlineSource::Rest, at_ms: 200 };
        assert_eq!(
            found,
            [
                (a, bar(1), bar(1), 100, GapState::Open),
                (a, bar(2), bar(2), 100, filled),
                (a, bar(3), bar(4), 100, lacking),
                (b, bar(9), bar(9), 500, GapState::Open),
            ]
        );
        assert_eq!(ledger.list(Some(a), true, M15).len(), 2);
        ledger.fill(a, bar(3), KlineSource::Socket, None);
        assert_eq!(ledger.list(Some(a), true, M15).last().map(|gap| gap.from), Some(bar(4)));
    }

    #[test]
    fn the_ledger_is_bounded() {
        let ledger = GapLedger::default();
        ledger.notice(missing("A", 0, 200_000), M15, 1);
        let gaps = ledger.list(None, false, M15);
        assert_eq!(gaps.iter().map(|gap| gap.bars).sum::<u64>(), BARS_MAX as u64);
        assert_eq!(gaps.last().map(|gap| gap.to), Some(bar(200_000)));
        assert_eq!(
            ledger.unfilled.load(Ordering::Relaxed),
            BARS_MAX as u64,
            "what is forgotten is not counted"
        );
    }
}
