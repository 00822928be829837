//! Which change moved which feature.

use std::collections::BTreeMap;

use forecast::{Comparison, DatasetRow};
use kline::Interval;

use super::lever::Lever;
use super::record::{self, Key, Record};
use super::{Klines, RowMaker};

/// What was changed, as a row of some symbol sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// A column of the symbol itself.
    Own(Lever),
    /// A column of the symbol itself, which is Bitcoin.
    OwnAsBitcoin(Lever),
    /// A column of Bitcoin, which is another symbol.
    Bitcoin(Lever),
    /// A column of a symbol that is neither.
    Other(Lever),
    /// The time by whole blocks: recursions begin at the same klines. Long windows are summed up in blocks of their own
    /// length, so here the last digits may differ.
    TimeByBlocks,
    /// The time by no whole number of blocks.
    Time,
}

/// Whether two values differ by no more than another order of summation makes.
fn is_rounding(a: u64, b: u64) -> bool {
    let (a, b) = (f64::from_bits(a), f64::from_bits(b));
    (a - b).abs() <= 1e-7 * a.abs().max(b.abs()) + 1e-12
}

/// Where a feature was first seen to move, by cause; a place a feature.
#[derive(Debug)]
pub(super) struct Effects {
    features: usize,
    moved: BTreeMap<Cause, Vec<Option<Key>>>,
    pub(super) compared: Comparison,
}

impl Effects {
    pub(super) fn new(features: usize) -> Self {
        Self { features, moved: BTreeMap::new(), compared: Comparison::default() }
    }

    /// Where a cause was first seen to move a feature.
    pub(super) fn sighting(&self, feature: usize, cause: Cause) -> Option<Key> {
        self.moved.get(&cause)?.get(feature).copied().flatten()
    }

    /// Every cause that moved a feature.
    pub(super) fn causes(&self, feature: usize) -> impl Iterator<Item = (Cause, Key)> + '_ {
        self.moved.iter().filter_map(move |(cause, sightings)| Some((*cause, (*sightings.get(feature)?)?)))
    }

    /// Compares the rows of a changed copy one by one with those of the klines that it was made from.
    pub(super) fn observe(
        &mut self,
        maker: &dyn RowMaker,
        (record, changed, interval): (&Record, &Klines, Interval),
        cause: impl Fn(&DatasetRow<'_>) -> Cause,
    ) {
        let Self { features, moved, compared } = self;
        let mut place = 0;
        let mut known = Vec::new();
        compared.copies += 1;
        maker.rows(changed, interval, &mut |row| {
            known.clear();
            record::known(&row, &mut known);
            let before = record.known(place);
            place += 1;
            let cause = cause(&row);
            let sightings = moved.entry(cause).or_insert_with(|| vec![None; *features]);
            for ((sighting, now), before) in sightings.iter_mut().zip(&known).zip(before) {
                if now != before && !(cause == Cause::TimeByBlocks && is_rounding(*now, *before)) {
                    sighting.get_or_insert(Key::of(&row));
                }
            }
            record::count(compared, *features);
        });
    }

    /// What a changed column is to a row, of Bitcoin or of another symbol, which may be the row's own.
    pub(super) const fn cause(lever: Lever, is_own: bool, is_bitcoin: bool) -> Cause {
        match (is_own, is_bitcoin) {
            (true, false) => Cause::Own(lever),
            (true, true) => Cause::OwnAsBitcoin(lever),
            (false, true) => Cause::Bitcoin(lever),
            (false, false) => Cause::Other(lever),
        }
    }
}
