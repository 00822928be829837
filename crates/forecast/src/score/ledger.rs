//! Sums of scored outcomes by UTC day: what a scorecard over any window of whole days is made of.
//!
//! A day's sums are made of the day's outcomes in one order, so they are the same to the last bit whether the outcomes came one by
//! one, with revisions in between, or all at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use kline::{BarTime, Milliseconds, Symbol};

use super::ranking::spearman;
use super::scored::ScoredOutcome;
use crate::{BaselineName, BundleDigest, Task};

/// The milliseconds of a UTC day.
pub const DAY_MS: Milliseconds = 86_400_000;

/// Bins of stated probabilities.
pub(super) const BINS: usize = 10;

/// A pair's day with fewer outcomes than this has no rank correlation.
const RANKED_MIN: usize = 8;

/// The UTC day of a bar, counted from the epoch.
#[must_use]
pub const fn day_of(bar: BarTime) -> i64 {
    bar.milliseconds().div_euclid(DAY_MS)
}

/// Stated probabilities of one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Bin {
    pub(super) count: u32,
    /// The sum of the probabilities.
    pub(super) stated: f64,
    /// How many came true.
    pub(super) happened: u32,
}

/// What is apart in the sums of one day.
pub(super) type CellKey = (Task, Symbol, BundleDigest);

/// The sums of one task of one pair and bundle on one day.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) count: u32,
    pub(super) loss: f64,
    pub(super) baseline_loss: f64,
    /// One bit a baseline that was compared with, in the order of [`BaselineName::ALL`].
    pub(super) baselines: u8,
    pub(super) hits: u32,
    pub(super) hit_count: u32,
    /// The rank correlation, over so many outcomes; over none it is of no meaning.
    pub(super) rank: f64,
    pub(super) rank_count: u32,
    /// Only where probabilities were stated.
    pub(super) bins: Option<Box<[Bin; BINS]>>,
}

impl Cell {
    fn add(&mut self, outcome: &ScoredOutcome) {
        self.count += 1;
        self.loss += outcome.loss;
        self.baseline_loss += outcome.baseline_loss;
        let place = BaselineName::ALL.iter().position(|name| *name == outcome.baseline);
        self.baselines |= place.map_or(0, |place| 1 << place);
        self.hits += u32::from(outcome.hit == Some(true));
        self.hit_count += u32::from(outcome.hit.is_some());
        if let Some((probability, happened)) = outcome.stated.filter(|(p, _)| (0.0..=1.0).contains(p)) {
            let bins = self.bins.get_or_insert_default();
            let bin = &mut bins[((probability * BINS as f64) as usize).min(BINS - 1)];
            bin.count += 1;
            bin.stated += probability;
            bin.happened += u32::from(happened);
        }
    }

    fn rank(&mut self, pairs: &[(f64, f64)]) {
        if pairs.len() < RANKED_MIN {
            return;
        }
        let (forecasts, outcomes): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let rank = spearman(&forecasts, &outcomes);
        if !rank.is_nan() {
            self.rank = rank;
            self.rank_count = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
        }
    }
}

/// One day's outcomes, bar by bar.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DayOutcomes(BTreeMap<BarTime, Vec<ScoredOutcome>>);

impl DayOutcomes {
    /// Puts outcomes in the place of all those of the same bars that are there.
    pub fn put(&mut self, outcomes: impl IntoIterator<Item = ScoredOutcome>) {
        let mut fresh: BTreeMap<BarTime, Vec<ScoredOutcome>> = BTreeMap::new();
        for outcome in outcomes {
            fresh.entry(outcome.bar).or_default().push(outcome);
        }
        self.0.append(&mut fresh);
    }

    /// The day's sums.
    #[must_use]
    pub fn sums(&self) -> DaySums {
        let mut cells: BTreeMap<CellKey, (Cell, Vec<(f64, f64)>)> = BTreeMap::new();
        for outcome in self.0.values().flatten() {
            let key = (outcome.task, outcome.symbol, outcome.bundle);
            let (cell, ranked) = cells.entry(key).or_default();
            cell.add(outcome);
            ranked.extend(outcome.ranked);
        }
        let ranked = |(key, (mut cell, pairs)): (CellKey, (Cell, Vec<(f64, f64)>))| {
            cell.rank(&pairs);
            (key, cell)
        };
        DaySums(cells.into_iter().map(ranked).collect())
    }
}

/// One day's sums, ascending by task, pair, bundle.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DaySums(pub(super) Vec<(CellKey, Cell)>);

/// The sums of many days. Cheap to clone: the days are shared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    pub(super) days: BTreeMap<i64, Arc<DaySums>>,
    cells: usize,
}

impl Ledger {
    /// At most so many sums are kept, some 60 MB: ten years of ten pairs, one of a hundred. Beyond, the oldest days are left out.
    pub const CELLS_MAX: usize = 262_144;

    /// Puts a day's sums in the place of those that are there; whether all days are still kept.
    pub fn put(&mut self, day: i64, sums: DaySums) -> bool {
        self.cells += sums.0.len();
        let before =
            if sums.0.is_empty() { self.days.remove(&day) } else { self.days.insert(day, Arc::new(sums)) };
        self.cells -= before.map_or(0, |sums| sums.0.len());
        let kept = self.cells <= Self::CELLS_MAX;
        while self.cells > Self::CELLS_MAX
            && let Some((_, oldest)) = self.days.pop_first()
        {
            self.cells -= oldest.0.len();
        }
        kept
    }

    /// Forgets the days before one.
    pub fn forget_before(&mut self, day: i64) {
        self.days = self.days.split_off(&day);
        self.cells = self.days.values().map(|sums| sums.0.len()).sum();
    }

    /// The newest day with an outcome.
    #[must_use]
    pub fn newest_day(&self) -> Option<i64> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// The oldest day with an outcome.
    #[must_use]
    pub fn oldest_day(&self) -> Option<i64> {
        self.days.first_key_value().map(|(day, _)| *day)
    }
}
