//! The rows of unchanged klines, bit for bit, to compare those of changed copies with.

use forecast::{Comparison, DatasetRow, Task};
use kline::{BarTime, Interval, Symbol};

use super::{Klines, RowMaker};

/// What a row knows besides its features, in the order of [`context`].
const CONTEXT: [&str; CONTEXT_COUNT] = [
    "sigma",
    "regime_cut_low",
    "regime_cut_high",
    "close",
    "past_return_1",
    "past_return_4",
    "past_return_16",
    "past_volatility",
    "past_direction_class",
    "realised_4",
    "realised_96",
    "realised_672",
    "input_bar",
    "warm_features",
    "carried_bars",
    "missing_inputs",
];

const CONTEXT_COUNT: usize = 16;

/// The rows that a machine made, in its order.
#[derive(Debug, Default)]
pub(super) struct Record {
    keys: Vec<Key>,
    known: Vec<u64>,
    outcomes: Vec<[u64; Task::COUNT]>,
    features: usize,
}

/// Which row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) symbol: Symbol,
    pub(super) bar: BarTime,
}

impl Key {
    pub(super) const fn of(row: &DatasetRow<'_>) -> Self {
        Self { symbol: row.symbol, bar: row.bar }
    }
}

impl Record {
    pub(super) fn of(maker: &dyn RowMaker, klines: &Klines, interval: Interval) -> Self {
        let mut record = Self::default();
        maker.rows(klines, interval, &mut |row| {
            record.features = row.values.len();
            record.keys.push(Key::of(&row));
            known(&row, &mut record.known);
            record.outcomes.push(outcomes(&row));
        });
        record
    }

    pub(super) fn key(&self, place: usize) -> Option<Key> {
        self.keys.get(place).copied()
    }

    /// How many rows stand before `bar`.
    pub(super) fn before(&self, bar: BarTime) -> usize {
        self.keys.partition_point(|key| key.bar < bar)
    }

    /// How many rows stand up to `bar`.
    pub(super) fn until(&self, bar: BarTime) -> usize {
        self.keys.partition_point(|key| key.bar <= bar)
    }

    /// What a row knew: features, then the context.
    pub(super) fn known(&self, place: usize) -> &[u64] {
        let width = self.features + CONTEXT_COUNT;
        self.known.get(place * width..(place + 1) * width).unwrap_or_default()
    }

    pub(super) fn outcomes(&self, place: usize) -> &[u64; Task::COUNT] {
        &self.outcomes[place]
    }

    /// What scales a task's outcome at a row, if anything that is known at it does.
    pub(super) fn scale(&self, place: usize, task: Task) -> &[u64] {
        scale_of(self.known(place), self.features, task)
    }
}

/// The bits of everything that a row knows: features, then the context.
pub(super) fn known(row: &DatasetRow<'_>, into: &mut Vec<u64>) {
    into.extend(row.values.iter().map(|value| value.to_bits()));
    into.extend(row.inputs.numbers().map(f64::to_bits));
    into.push(row.inputs.bar.milliseconds().cast_unsigned());
    let quality = row.quality;
    into.extend([quality.warm_features, quality.carried_bars, quality.missing_inputs].map(u64::from));
}

pub(super) fn outcomes(row: &DatasetRow<'_>) -> [u64; Task::COUNT] {
    row.outcomes.map(f64::to_bits)
}

/// The part of [`known`] that scales a task's outcome.
pub(super) fn scale_of(known: &[u64], features: usize, task: Task) -> &[u64] {
    let range = match task {
        Task::DirectionMulti4Step => 0..1,
        Task::VolRegime4Step => 1..3,
        _ => return &[],
    };
    known.get(features + range.start..features + range.end).unwrap_or_default()
}

/// The name of a place of [`known`].
pub(super) fn name_of(maker: &dyn RowMaker, place: usize) -> String {
    let definitions = maker.definitions();
    let context = place.checked_sub(definitions.len()).and_then(|place| CONTEXT.get(place));
    match (definitions.get(place), context) {
        (Some(definition), _) => definition.name.to_owned(),
        (None, Some(name)) => format!("context.{name}"),
        (None, None) => format!("column {place}"),
    }
}

/// Adds a compared row of so many numbers.
pub(super) const fn count(comparison: &mut Comparison, numbers: usize) {
    comparison.rows += 1;
    comparison.bits += 64 * numbers as u64;
}
