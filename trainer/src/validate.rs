//! Whether the rows are fit to learn from: schema, missing and constant columns, outcomes, and the leak check.

use std::collections::BTreeMap;
use std::ops::Range;

use features::Catalogue;
use forecast::{Task, for_each_row};
use kline::{BarTime, Kline, Symbol};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::{Result, TrainerError};

/// The least number of usable rows in the train, tune and test windows.
const ROWS_NEEDED: [usize; 3] = [1_000, 200, 100];

/// A class must have at least this share of the training window's outcomes.
const CLASS_SHARE_LEAST: f64 = 0.001;

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
    /// Known outcomes in the training window, a task each.
    pub outcomes: BTreeMap<String, OutcomeBalance>,
    /// Rows that were made again from the past alone and came out with the same bits.
    pub causal_rows: usize,
    /// What forbids training.
    pub problems: Vec<String>,
}

/// How the outcomes of a task are spread over the training window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutcomeBalance {
    /// The share of the rows whose outcome is known.
    pub known_share: f64,
    /// The share of each class among them; empty for a regression.
    pub class_shares: Vec<f64>,
}

impl Validation {
    /// Turns what forbids training into an error.
    ///
    /// # Errors
    /// [`TrainerError::Invalid`] with every problem.
    pub fn require(&self) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(TrainerError::Invalid { problems: self.problems.clone() })
    }
}

/// Checks the rows, and that rows do not change when the klines after them are taken away.
///
/// # Errors
/// [`TrainerError::TooLittle`] when a window is too short for anything else to be checked.
pub fn validate(dataset: &Dataset, klines: &BTreeMap<Symbol, Vec<Kline>>) -> Result<Validation> {
    let split = dataset.split;
    let ranges = [split.train, split.tune, split.test].map(|window| dataset.range(window));
    for ((window, range), needed) in ["train", "tune", "test"].into_iter().zip(&ranges).zip(ROWS_NEEDED) {
        if range.len() < needed {
            let remedy = "give it more history, or move the windows".to_owned();
            return Err(TrainerError::TooLittle { window, rows: range.len(), needed, remedy });
        }
    }
    let train = ranges[0].clone();
    let mut found = Validation {
        rows: [ranges[0].len(), ranges[1].len(), ranges[2].len()],
        rows_left_out: dataset.rows_left_out,
        features: dataset.width(),
        missing_share: 0.0,
        empty_columns: Vec::new(),
        constant_columns: Vec::new(),
        sparse_columns: Vec::new(),
        outcomes: BTreeMap::new(),
        causal_rows: 0,
        problems: Vec::new(),
    };
    check_columns(dataset, train.clone(), &mut found);
    for task in Task::ALL {
        check_outcomes(dataset, task, &ranges, &mut found);
    }
    check_causality(dataset, klines, ranges[2].clone(), &mut found);
    Ok(found)
}

#[derive(Clone, Copy)]
struct Column {
    known: usize,
    least: f64,
    greatest: f64,
    infinite: usize,
}

fn check_columns(dataset: &Dataset, range: Range<usize>, found: &mut Validation) {
    let start = Column { known: 0, least: f64::INFINITY, greatest: f64::NEG_INFINITY, infinite: 0 };
    let mut columns = vec![start; dataset.width()];
    for row in dataset.values(range.clone()).chunks_exact(dataset.width()) {
        for (column, &value) in columns.iter_mut().zip(row) {
            column.infinite += usize::from(value.is_infinite());
            if !value.is_nan() {
                column.known += 1;
                column.least = column.least.min(value);
                column.greatest = column.greatest.max(value);
            }
        }
    }
    let rows = range.len();
    let known: usize = columns.iter().map(|column| column.known).sum();
    found.missing_share = 1.0 - known as f64 / (rows * columns.len()) as f64;
    for (name, column) in Catalogue::standard().names().zip(&columns) {
        let name = name.to_owned();
        if column.infinite > 0 {
            found.problems.push(format!("{name} is infinite in {} rows", column.infinite));
        }
        if column.known == 0 {
            found.empty_columns.push(name);
        } else if column.least == column.greatest {
            found.constant_columns.push(name);
        } else if column.known * 2 < rows {
            found.sparse_columns.push(name);
        }
    }
    if found.empty_columns.len() * 2 > columns.len() {
        found.problems.push(format!("{} of {} columns are empty", found.empty_columns.len(), columns.len()));
    }
}

fn check_outcomes(dataset: &Dataset, task: Task, ranges: &[Range<usize>; 3], found: &mut Validation) {
    for (window, range) in ["train", "tune", "test"].into_iter().zip(ranges) {
        let outcomes = dataset.outcomes(range.clone());
        let mut classes = vec![0_usize; task.class_count()];
        let mut known = 0;
        for outcome in outcomes.iter().map(|outcomes| outcomes[task.index()]) {
            if !outcome.is_nan() {
                known += 1;
                if let Some(count) = classes.get_mut(outcome as usize) {
                    *count += 1;
                }
            }
        }
        if known == 0 {
            found.problems.push(format!("{task} has no known outcome in the {window} window"));
            continue;
        }
        let shares: Vec<f64> = classes.iter().map(|count| *count as f64 / f64::from(known)).collect();
        if window == "train" {
            for (name, share) in task.class_names().iter().zip(&shares) {
                if *share < CLASS_SHARE_LEAST {
                    found.problems.push(format!("{task} is {name} in only {share:.5} of the train window"));
                }
            }
            let known_share = f64::from(known) / range.len() as f64;
            found.outcomes.insert(task.to_string(), OutcomeBalance { known_share, class_shares: shares });
        }
    }
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
        let mut differing: Vec<String> = Vec::new();
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
                    Some(name) => differing.push(format!("{name} of {} at {bar}", row.symbol)),
                    None => found.causal_rows += 1,
                }
            }
        });
        if !differing.is_empty() {
            let list = differing.join(", ");
            found.problems.push(format!("not made from the past alone: {list}"));
        }
    }
    if found.causal_rows == 0 {
        found.problems.push("no row could be made again from the past alone".to_owned());
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
