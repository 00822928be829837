//! The ledger of holes: every bar that was found missing, and what became of it. What changes in it is taken out by the
//! journal's thread, which keeps it in the store; a start begins with what was kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use forecast::Source;
use kline::{BarTime, Interval, Milliseconds, Symbol};
use market::live::Missing;
pub use store::HoleState as GapState;

use crate::telemetry::metrics as names;

/// Most bars that are remembered. Beyond that the earliest are forgotten; what is missing still counts in the metrics.
pub const BARS_MAX: usize = 65_536;

/// Bars that are older are forgotten: 400 days.
const AGE_MAX: Milliseconds = 400 * 86_400_000;

/// Most bars whose changes wait to be kept. At the bound the earliest are left as the store has them.
const CHANGED_MAX: usize = 2 * BARS_MAX;

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

type Key = (BarTime, Symbol);

/// The ledger.
#[derive(Debug, Default)]
pub struct GapLedger {
    holes: Mutex<Holes>,
    /// Holes that are not filled: nothing is looked up while there are none.
    unfilled: AtomicU64,
    /// Whether something has changed since somebody asked.
    has_news: AtomicBool,
}

/// What is to be kept of the ledger.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct GapChanges {
    /// Holes that are new or have another story.
    pub kept: Vec<store::Hole>,
    /// Holes that are not remembered any more.
    pub forgotten: Vec<(Symbol, BarTime)>,
}

/// The holes, and how many of them are open and lacking: counted as they change, since there may be many.
#[derive(Debug, Default)]
struct Holes {
    by_bar: BTreeMap<Key, Hole>,
    open: u64,
    lacking: u64,
    /// Bars of which the store does not know the latest.
    changed: BTreeSet<Key>,
}

impl Holes {
    const fn count_of(&mut self, state: GapState) -> Option<&mut u64> {
        match state {
            GapState::Open => Some(&mut self.open),
            GapState::Lacking { .. } => Some(&mut self.lacking),
            GapState::Filled { .. } => None,
        }
    }

    /// Puts a hole where another state was or nothing; the store is to know.
    fn put(&mut self, key: Key, hole: Hole) {
        self.note(key);
        self.place(key, hole);
    }

    fn place(&mut self, key: Key, hole: Hole) {
        if let Some(count) = self.count_of(hole.state) {
            *count += 1;
        }
        let before = self.by_bar.insert(key, hole);
        self.uncount(before);
    }

    /// Forgets what is before a bar, and the earliest of what is too much.
    fn forget(&mut self, oldest: Option<Milliseconds>) {
        let is_old = |(bar, _): &Key| oldest.is_some_and(|oldest| bar.milliseconds() < oldest);
        while let Some((key, _)) = self.by_bar.first_key_value().filter(|(key, _)| is_old(key)) {
            let key = *key;
            self.forget_one(key);
        }
        while let Some((key, _)) = self.by_bar.first_key_value().filter(|_| self.by_bar.len() > BARS_MAX) {
            let key = *key;
            self.forget_one(key);
        }
    }

    fn forget_one(&mut self, key: Key) {
        self.note(key);
        let hole = self.by_bar.remove(&key);
        self.uncount(hole);
    }

    fn note(&mut self, key: Key) {
        self.changed.insert(key);
        if self.changed.len() > CHANGED_MAX {
            self.changed.pop_first();
        }
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
        // 0 says that the exchange's clock is not known yet.
        holes.forget((now > 0).then(|| now.saturating_sub(AGE_MAX)));
        self.show(&holes);
    }

    /// A closed kline has come; if its bar was missing it is not any more.
    pub fn fill(&self, symbol: Symbol, bar: BarTime, source: Source, heard: Option<Milliseconds>) {
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
        if !holes.changed.is_empty() {
            self.has_news.store(true, Ordering::Relaxed);
        }
    }

    /// Begins with what an earlier process has kept.
    pub fn load(&self, kept: impl IntoIterator<Item = store::Hole>) {
        let mut holes = self.lock();
        for store::Hole { symbol, bar, noticed_at_ms, state } in kept {
            holes.place((bar, symbol), Hole { noticed_at_ms, state });
        }
        holes.forget(None);
        self.show(&holes);
    }

    /// The time before which bars are too old to be remembered, by the exchange's clock.
    #[must_use]
    pub const fn oldest(now: Milliseconds) -> Milliseconds {
        now.saturating_sub(AGE_MAX)
    }

    /// Whether something has changed since this was asked the last time.
    pub fn has_news(&self) -> bool {
        self.has_news.load(Ordering::Relaxed) && self.has_news.swap(false, Ordering::Relaxed)
    }

    /// Takes out what the store is to be told, the earliest bars first, at most `limit`; `None` if there is nothing.
    #[must_use]
    pub fn take_changes(&self, limit: usize) -> Option<GapChanges> {
        let mut holes = self.lock();
        let mut changes = GapChanges::default();
        for _ in 0..limit {
            let Some((bar, symbol)) = holes.changed.pop_first() else { break };
            match holes.by_bar.get(&(bar, symbol)) {
                Some(&Hole { noticed_at_ms, state }) => {
                    changes.kept.push(store::Hole { symbol, bar, noticed_at_ms, state });
                }
                None => changes.forgotten.push((symbol, bar)),
            }
        }
        (changes != GapChanges::default()).then_some(changes)
    }

    /// Gives back changes that could not be kept: they are taken out again with whatever has changed since.
    pub fn give_back(&self, changes: &GapChanges) {
        let mut holes = self.lock();
        let kept = changes.kept.iter().map(|hole| (hole.bar, hole.symbol));
        for key in kept.chain(changes.forgotten.iter().map(|(symbol, bar)| (*bar, *symbol))) {
            holes.note(key);
        }
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
        ledger.fill(a, bar(2), Source::Rest, Some(200));
        ledger.lack(missing("A", 3, 4), M15, 300);
        ledger.notice(missing("A", 3, 3), M15, 400);
        ledger.notice(missing("B", 9, 9), M15, 500);
        let story = |gap: &Gap| (gap.symbol, gap.from, gap.to, gap.noticed_at_ms, gap.state);
        let found: Vec<_> = ledger.list(None, false, M15).iter().map(story).collect();
        let b = missing("B", 9, 9).symbol;
        let lacking = GapState::Lacking { at_ms: 300 };
        let filled = GapState::Filled { source: Source::Rest, at_ms: 200 };
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
        ledger.fill(a, bar(3), Source::Socket, None);
        assert_eq!(ledger.list(Some(a), true, M15).last().map(|gap| gap.from), Some(bar(4)));
    }

    #[test]
    fn what_changes_is_taken_out_once_and_a_start_begins_with_it() {
        let ledger = GapLedger::default();
        let a = missing("A", 1, 1).symbol;
        ledger.notice(missing("A", 1, 3), M15, 100);
        assert!(ledger.has_news() && !ledger.has_news());
        let first = ledger.take_changes(2).expect("three bars");
        assert_eq!((first.kept.len(), first.forgotten.len()), (2, 0));
        ledger.fill(a, bar(1), Source::Rest, Some(200));
        ledger.give_back(&first);
        let again = ledger.take_changes(10).expect("all three");
        let filled = GapState::Filled { source: Source::Rest, at_ms: 200 };
        assert_eq!(
            again.kept.iter().map(|hole| hole.state).collect::<Vec<_>>(),
            [filled, GapState::Open, GapState::Open]
        );
        assert_eq!(ledger.take_changes(10), None);

        let next = GapLedger::default();
        next.load(again.kept);
        assert_eq!(next.list(None, false, M15), ledger.list(None, false, M15));
        assert_eq!((next.take_changes(10), next.unfilled.load(Ordering::Relaxed)), (None, 2));
        next.fill(a, bar(2), Source::Store, None);
        assert_eq!(next.take_changes(10).map(|changes| changes.kept.len()), Some(1));
    }

    #[test]
    fn what_is_old_is_forgotten_and_the_store_is_told() {
        let ledger = GapLedger::default();
        ledger.notice(missing("A", 1, 2), M15, 1);
        drop(ledger.take_changes(10));
        let later = 50_000;
        ledger.lack(missing("A", later, later), M15, bar(2).milliseconds() + AGE_MAX);
        let gaps = ledger.list(None, false, M15);
        assert_eq!(gaps.iter().map(|gap| gap.from).collect::<Vec<_>>(), [bar(2), bar(later)]);
        let told = ledger.take_changes(10).expect("news");
        assert_eq!(told.forgotten, [(missing("A", 1, 1).symbol, bar(1))]);
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
