//! What is missing from a series, and what a source is known not to have.

use std::path::PathBuf;

use kline::{Interval, Milliseconds, Symbol};
use serde::{Deserialize, Serialize};
use store::Home;

use crate::artefact::{read_json, write_json};
use crate::{Result, TrainerError};

/// A hole is remembered when it ended so long before the end of what was asked for: younger bars may still be published.
const SETTLED: Milliseconds = 7 * 86_400_000;
/// Holes that are remembered; beyond that the ones noted first are forgotten and asked for again.
const REMEMBERED_MAX: usize = 20_000;

/// Bars in a row that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// The first one's opening in milliseconds.
    pub from: Milliseconds,
    /// The end of the last one, not included.
    pub until: Milliseconds,
    /// How many there are.
    pub bars: i64,
}

impl Hole {
    fn new(from: Milliseconds, until: Milliseconds, interval: Interval) -> Self {
        Self { from, until, bars: (until - from) / interval.milliseconds() }
    }

    /// Whether a part of it lies in `from..until`.
    pub(super) const fn meets(&self, from: Milliseconds, until: Milliseconds) -> bool {
        self.from < until && from < self.until
    }
}

/// The bars of `from..until` (on the grid) that are not among `open_times`, which are in order.
pub(super) fn missing(
    open_times: impl Iterator<Item = Milliseconds>,
    interval: Interval,
    from: Milliseconds,
    until: Milliseconds,
) -> Vec<Hole> {
    let mut holes = Vec::new();
    let mut next = from;
    for open_time in open_times.filter(|time| (from..until).contains(time)).chain([until]) {
        if open_time > next {
            holes.push(Hole::new(next, open_time, interval));
        }
        next = open_time + interval.milliseconds();
    }
    holes
}

/// The parts of `holes` that lie in none of `known`, both in order of time.
fn without(holes: &[Hole], known: &[Hole], interval: Interval) -> Vec<Hole> {
    let mut left = Vec::new();
    for hole in holes {
        let mut from = hole.from;
        for known in known.iter().filter(|known| known.meets(hole.from, hole.until)) {
            if known.from > from {
                left.push(Hole::new(from, known.from, interval));
            }
            from = from.max(known.until);
        }
        if from < hole.until {
            left.push(Hole::new(from, hole.until, interval));
        }
    }
    left
}

/// One remembered hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    source: String,
    symbol: Symbol,
    interval: Interval,
    #[serde(flatten)]
    hole: Hole,
}

/// The file `ingest-holes.json` of a home. Removing it makes every source be asked again.
#[derive(Debug)]
pub(super) struct Remembered {
    path: PathBuf,
    notes: Vec<Note>,
    ask_again: bool,
}

impl Remembered {
    /// What was noted; with `ask_again` it is kept, but keeps nobody from asking.
    pub(super) fn open(home: &Home, ask_again: bool) -> Result<Self> {
        let path = home.folder().join("ingest-holes.json");
        let notes = match read_json(&path, "ingest --ask-again") {
            Ok(notes) => notes,
            Err(TrainerError::MissingStage { .. }) => Vec::new(),
            Err(_) if ask_again => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, notes, ask_again })
    }

    /// The parts of holes for which a source is to be asked.
    pub(super) fn unknown(
        &self,
        source: &str,
        symbol: Symbol,
        interval: Interval,
        holes: &[Hole],
    ) -> Vec<Hole> {
        if self.ask_again { holes.to_vec() } else { self.not_noted(source, symbol, interval, holes) }
    }

    fn not_noted(&self, source: &str, symbol: Symbol, interval: Interval, holes: &[Hole]) -> Vec<Hole> {
        let mut known: Vec<Hole> = self.of(source, symbol, interval).map(|note| note.hole).collect();
        known.sort_by_key(|hole| hole.from);
        without(holes, &known, interval)
    }

    fn of<'a>(
        &'a self,
        source: &'a str,
        symbol: Symbol,
        interval: Interval,
    ) -> impl Iterator<Item = &'a Note> + 'a {
        self.notes
            .iter()
            .filter(move |note| note.source == source && note.symbol == symbol && note.interval == interval)
    }

    /// Notes that a source was asked for these holes and left them, as far as they are settled at `end`.
    pub(super) fn note(
        &mut self,
        source: &str,
        symbol: Symbol,
        interval: Interval,
        (holes, end): (&[Hole], Milliseconds),
    ) -> Result<()> {
        let settled = interval.floor(end - SETTLED);
        let cut = holes.iter().filter(|hole| hole.from < settled);
        let cut: Vec<Hole> =
            cut.map(|hole| Hole::new(hole.from, hole.until.min(settled), interval)).collect();
        let new = self.not_noted(source, symbol, interval, &cut);
        if new.is_empty() {
            return Ok(());
        }
        self.notes.extend(new.into_iter().map(|hole| Note {
            source: source.to_owned(),
            symbol,
            interval,
            hole,
        }));
        let over = self.notes.len().saturating_sub(REMEMBERED_MAX);
        self.notes.drain(..over);
        write_json(&self.path, &self.notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const STEP: Milliseconds = 900_000;

    fn bars(holes: &[Hole]) -> Vec<i64> {
        holes.iter().flat_map(|hole| hole.from / STEP..hole.until / STEP).collect()
    }

    proptest! {
        #[test]
        fn holes_are_the_bars_that_are_not_there(
            kept in prop::collection::btree_set(0i64..60, 0..50), known in prop::collection::btree_set(0i64..60, 0..50),
        ) {
            let times = |bars: &BTreeSet<i64>| bars.iter().map(|bar| bar * STEP).collect::<Vec<_>>();
            let (from, until) = (10 * STEP, 50 * STEP);
            let holes = missing(times(&kept).into_iter(), Interval::M15, from, until);
            let expected: Vec<i64> = (10..50).filter(|bar| !kept.contains(bar)).collect();
            prop_assert_eq!(bars(&holes), expected.clone());
            prop_assert!(holes.windows(2).all(|pair| pair[0].until < pair[1].from), "as few as can be");
            prop_assert!(holes.iter().all(|hole| hole.bars == (hole.until - hole.from) / STEP));
            let known_holes: Vec<Hole> = missing(times(&known).into_iter(), Interval::M15, 0, 60 * STEP);
            let left = without(&holes, &known_holes, Interval::M15);
            let expected: Vec<i64> = expected.into_iter().filter(|bar| known.contains(bar)).collect();
            prop_assert_eq!(bars(&left), expected);
        }
    }

    #[test]
    fn what_a_source_lacks_is_remembered_once_it_is_settled() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::open(folder.path())?;
        let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
        let hole = |from: i64, until: i64| Hole::new(from * STEP, until * STEP, Interval::M15);
        let end = 1_000 * STEP;
        let mut remembered = Remembered::open(&home, false)?;
        remembered.note("a", symbol, Interval::M15, (&[hole(10, 12), hole(300, 400)], end))?;
        remembered.note("a", symbol, Interval::M15, (&[hole(10, 12)], end))?;
        let again = Remembered::open(&home, false)?;
        let asked = [hole(9, 12), hole(300, 400)];
        // 7 days before the end is bar 328.
        let left = again.unknown("a", symbol, Interval::M15, &asked);
        assert_eq!(left, [hole(9, 10), hole(328, 400)]);
        assert_eq!(again.notes.len(), 2, "no hole is noted twice");
        assert_eq!(again.unknown("b", symbol, Interval::M15, &asked), asked, "another source may have it");
        let mut asking = Remembered::open(&home, true)?;
        assert_eq!(asking.unknown("a", symbol, Interval::M15, &asked), asked);
        asking.note("a", symbol, Interval::M15, (&[hole(10, 12)], end))?;
        assert_eq!(asking.notes, again.notes);
        Ok(())
    }
}
