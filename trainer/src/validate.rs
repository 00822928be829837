//! What the rows are like: missing and constant columns, outcomes, and whether they are made from the past alone. Whether
//! they are fit to learn from is judged by expectations.

use std::collections::BTreeMap;
use std::ops::Range;

use features::Catalogue;
use forecast::{Task, for_each_row};
use kline::{BarTime, Kline, Symbol};
use serde::Serialize;

use crate::dataset::Dataset;

/// Bars of history that make every row, and every outcome's context, independent of where the history began.
const HISTORY_BARS: i64 = forecast::Forecaster::HISTORY_BARS as i64;

/// At how many bars the rows are made again from the past alone.
const CAUSALITY_BARS: usize = 3;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    /// Rows in the train, tune and test windows.
    pub rows: [usize; 3],
    /// Rows left out because they were not warm.
    pub rows_left_out: usize,
    /// Features in the catalogue.
    pub features: usize,
    /// The share of values that are missing in the training window.
    pub missing_share: f64,
    /// Columns without any value in the training window: their input is not in the klines.
    pub empty_columns: Vec<String>,
    /// Columns with one value only.
    pub constant_columns: Vec<String>,
    /// Columns of which more than half is missing.
    pub sparse_columns: Vec<String>,
    /// Outcomes, a task each.
    pub outcomes: BTreeMap<String, OutcomeBalance>,
    /// Rows that were made again from the past alone and came out with the same bits.
    pub causal_rows: usize,
    /// Rows of the same bars that did not, each by its first feature that differs.
    pub ahead: Vec<String>,
    /// Every column of the training window, in the catalogue's order.
    #[serde(skip)]
    pub columns: Vec<Column>,
}

/// How the outcomes of a task are spread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutcomeBalance {
    /// The share of the train, tune and test rows whose outcome is known.
    pub known_shares: [f64; 3],
    /// The share of each class among the known ones of the training window; empty for a regression.
    pub class_shares: Vec<f64>,
}

/// One column of the training window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Rows that have a value.
    pub known: usize,
    /// The least value; infinity if there is none.
    pub least: f64,
    /// The greatest value; negative infinity if there is none.
    pub greatest: f64,
    /// Rows whose value is infinite.
    pub infinite: usize,
}

impl Column {
    const EMPTY: Self = Self { known: 0, least: f64::INFINITY, greatest: f64::NEG_INFINITY, infinite: 0 };

    /// Whether there are values, and all are the same.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.known > 0 && self.least == self.greatest
    }
}

/// Looks at the rows, and whether they change when the klines after them are taken away. Judges nothing: that is what
/// expectations are for.
#[must_use]
pub fn validate(dataset: &Dataset, klines: &BTreeMap<Symbol, Vec<Kline>>) -> Validation {
    let split = dataset.split;
    let ranges = [split.train, split.tune, split.test].map(|window| dataset.range(window));
    let mut found = Validation {
        rows: [ranges[0].len(), ranges[1].len(), ranges[2].len()],
        rows_left_out: dataset.rows_left_out,
        features: dataset.width(),
        missing_share: 0.0,
        empty_columns: Vec::new(),
        constant_columns: Vec::new(),
        sparse_columns: Vec::new(),
        outcomes: BTreeMap::from(Task::ALL.map(|task| (task.to_string(), balance(dataset, task, &ranges)))),
        causal_rows: 0,
        ahead: Vec::new(),
        columns: columns(dataset, ranges[0].clone()),
    };
    sort_columns(&mut found);
    if !ranges[2].is_empty() {
        check_causality(dataset, klines, ranges[2].clone(), &mut found);
    }
    found
}

fn columns(dataset: &Dataset, range: Range<usize>) -> Vec<Column> {
    let mut columns = vec![Column::EMPTY; dataset.width()];
    let pieces = dataset.pieces(range);
    for row in pieces.flat_map(|(_, values)| values.chunks_exact(dataset.width())) {
        for (column, &value) in columns.iter_mut().zip(row) {
            column.infinite += usize::from(value.is_infinite());
            if !value.is_nan() {
                column.known += 1;
                column.least = column.least.min(value);
                column.greatest = column.greatest.max(value);
            }
        }
    }
    columns
}

fn sort_columns(found: &mut Validation) {
    let rows = found.rows[0];
    let known: usize = found.columns.iter().map(|column| column.known).sum();
    found.missing_share = 1.0 - known as f64 / (rows * found.columns.len()).max(1) as f64;
    for (name, column) in Catalogue::standard().names().zip(&found.columns) {
        let name = name.to_owned();
        if column.known == 0 {
            found.empty_columns.push(name);
        } else if column.is_constant() {
            found.constant_columns.push(name);
        } else if column.known * 2 < rows {
            found.sparse_columns.push(name);
        }
    }
}

fn balance(dataset: &Dataset, task: Task, ranges: &[Range<usize>; 3]) -> OutcomeBalance {
    let known = |range: &Range<usize>| {
        let of = dataset.outcomes(range.clone()).iter().map(|outcomes| outcomes[task.index()]);
        of.filter(|outcome| !outcome.is_nan())
    };
    let known_shares = [0, 1, 2].map(|window| {
        let range = &ranges[window];
        known(range).count() as f64 / range.len().max(1) as f64
    });
    let mut classes = vec![0_usize; task.class_count()];
    for outcome in known(&ranges[0]) {
        if let Some(count) = classes.get_mut(outcome as usize) {
            *count += 1;
        }
    }
    let all = classes.iter().sum::<usize>().max(1) as f64;
    OutcomeBalance { known_shares, class_shares: classes.iter().map(|count| *count as f64 / all).collect() }
}

/// Makes the rows of a few test bars again from klines that end at the bar: a feature that looks ahead, or that
/// depends on where the history began, comes out with other bits.
fn check_causality(
    dataset: &Dataset,
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    range: Range<usize>,
    found: &mut Validation,
) {
    for part in 1..=CAUSALITY_BARS {
        let index = range.start + range.len() * part / (CAUSALITY_BARS + 1);
        let bar = dataset.keys(index..index + 1)[0].bar;
        let past = past_of(dataset, klines, bar);
        let rows = dataset.range(crate::split::Window { from: bar, until: bar });
        for_each_row(&past, dataset.interval, |row| {
            if row.bar != bar {
                return;
            }
            let same_symbol = |index: &usize| {
                let key = dataset.keys(*index..*index + 1)[0];
                usize::from(key.symbol) == row.symbol_index
            };
            if let Some(index) = rows.clone().find(same_symbol) {
                let differs = row
                    .values
                    .iter()
                    .zip(dataset.row(index))
                    .position(|(a, b)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()));
                match differs.and_then(|column| Catalogue::standard().names().nth(column)) {
                    Some(name) => found.ahead.push(format!("{name} of {} at {bar}", row.symbol)),
                    None => found.causal_rows += 1,
                }
            }
        });
    }
}

fn past_of(
    dataset: &Dataset,
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    bar: BarTime,
) -> BTreeMap<Symbol, Vec<Kline>> {
    let first = bar.plus(-HISTORY_BARS, dataset.interval);
    let cut = |klines: &Vec<Kline>| {
        let start = klines.partition_point(|kline| kline.close_time <= first.milliseconds());
        let end = klines.partition_point(|kline| kline.close_time <= bar.milliseconds());
        klines[start..end.max(start)].to_vec()
    };
    klines.iter().map(|(symbol, klines)| (*symbol, cut(klines))).collect()
}
