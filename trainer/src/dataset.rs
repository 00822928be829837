//! Rows and outcomes of all symbols in event-time order, as one matrix whose windows are slices.

use std::collections::BTreeMap;
use std::ops::Range;

use features::Catalogue;
use forecast::{BaselineInputs, BaselineSample, DatasetRow, Task, for_each_row};
use kline::{BarTime, Interval, Kline, Symbol};

use crate::split::{Split, Window};

/// Which symbol and bar a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKey {
    /// The place among [`Dataset::symbols`].
    pub symbol: u16,
    /// The bar.
    pub bar: BarTime,
}

/// Every usable row of the windows, ordered by bar, then symbol: pooled over all symbols, whose name is no
/// feature.
#[derive(Debug)]
pub struct Dataset {
    /// The markets, sorted.
    pub symbols: Vec<Symbol>,
    /// The step.
    pub interval: Interval,
    /// The windows.
    pub split: Split,
    /// Rows that were seen in the windows but are not warm: without the volatility that outcomes are scaled by.
    pub rows_left_out: usize,
    keys: Vec<RowKey>,
    values: Vec<f64>,
    inputs: Vec<BaselineInputs>,
    outcomes: Vec<[f64; Task::COUNT]>,
    width: usize,
}

impl Dataset {
    /// Drives the same machines as the server over the klines and keeps the rows of the windows. `progress`
    /// hears of every row.
    #[must_use]
    pub fn build(
        klines: &BTreeMap<Symbol, Vec<Kline>>,
        interval: Interval,
        split: Split,
        mut progress: impl FnMut(),
    ) -> Self {
        let width = Catalogue::standard().len();
        let room = klines.values().map(|klines| bars_within(klines, interval, &split)).sum::<usize>();
        let mut dataset = Self {
            symbols: klines.keys().copied().collect(),
            interval,
            split,
            rows_left_out: 0,
            keys: Vec::with_capacity(room),
            values: Vec::with_capacity(room * width),
            inputs: Vec::with_capacity(room),
            outcomes: Vec::with_capacity(room),
            width,
        };
        for_each_row(klines, interval, |row| {
            progress();
            dataset.push(&row);
        });
        dataset
    }

    fn push(&mut self, row: &DatasetRow<'_>) {
        let split = &self.split;
        if ![split.train, split.tune, split.test].iter().any(|window| window.holds(row.bar)) {
            return;
        }
        if row.inputs.context.sigma.is_nan() || row.inputs.context.sigma <= 0.0 {
            self.rows_left_out += 1;
            return;
        }
        let symbol = u16::try_from(row.symbol_index).unwrap_or(u16::MAX);
        self.keys.push(RowKey { symbol, bar: row.bar });
        self.values.extend_from_slice(row.values);
        self.inputs.push(*row.inputs);
        self.outcomes.push(*row.outcomes);
    }

    /// How many features a row has.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are in all windows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The places of a window's rows.
    #[must_use]
    pub fn range(&self, window: Window) -> Range<usize> {
        let start = self.keys.partition_point(|key| key.bar < window.from);
        let end = self.keys.partition_point(|key| key.bar <= window.until);
        start..end
    }

    /// Symbols and bars of some rows.
    #[must_use]
    pub fn keys(&self, range: Range<usize>) -> &[RowKey] {
        &self.keys[range]
    }

    /// Some rows' features, row after row.
    #[must_use]
    pub fn values(&self, range: Range<usize>) -> &[f64] {
        &self.values[range.start * self.width..range.end * self.width]
    }

    /// One row's features.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f64] {
        self.values(index..index + 1)
    }

    /// What was known at some rows beside the features.
    #[must_use]
    pub fn inputs(&self, range: Range<usize>) -> &[BaselineInputs] {
        &self.inputs[range]
    }

    /// What came true after some rows; NaN is missing.
    #[must_use]
    pub fn outcomes(&self, range: Range<usize>) -> &[[f64; Task::COUNT]] {
        &self.outcomes[range]
    }

    /// Some rows as baselines read them.
    pub fn samples(&self, range: Range<usize>) -> impl Iterator<Item = BaselineSample> + Clone + '_ {
        let inputs = self.inputs[range.clone()].iter();
        inputs
            .zip(&self.outcomes[range])
            .map(|(inputs, outcomes)| BaselineSample { inputs: *inputs, outcomes: *outcomes })
    }
}

fn bars_within(klines: &[Kline], interval: Interval, split: &Split) -> usize {
    let windows = [split.train, split.tune, split.test];
    let inside = |kline: &&Kline| windows.iter().any(|window| window.holds(kline.bar_time(interval)));
    klines.iter().filter(inside).count()
}
