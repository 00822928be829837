//! History as rows with outcomes: what the trainer learns from, by the same machines that serve.

use std::collections::{BTreeMap, VecDeque};

use features::{Catalogue, Quality};
use kline::{BarTime, Interval, Kline, Symbol};

use crate::merge::Merge;
use crate::panel::Panel;
use crate::{BaselineInputs, BaselineSample, Outcome, Task};

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

impl DatasetRow<'_> {
    /// The row as the baselines are fitted on it.
    #[must_use]
    pub const fn sample(&self) -> BaselineSample {
        BaselineSample { inputs: *self.inputs, outcomes: *self.outcomes }
    }
}

/// Walks history in event-time order over all symbols and gives every feature row with its outcomes to `emit`, in
/// ascending order of bars, then of symbols. Holds only the rows of the longest horizon in memory. Klines that are not
/// later than the one before in their series are left out.
pub fn for_each_row(
    history: &BTreeMap<Symbol, Vec<Kline>>,
    interval: Interval,
    mut emit: impl FnMut(DatasetRow<'_>),
) {
    let symbols: Vec<Symbol> = history.keys().copied().collect();
    let mut panel = Panel::new(&symbols, interval);
    let mut merge = Merge::new(history.values().map(Vec::as_slice).collect(), interval);
    let mut window = Window { interval, symbols, bars: VecDeque::new(), spare: Vec::new() };
    let mut outcomes = Vec::new();
    // The series ascend, so the engine has nothing to refuse but a kline off its grid, which then has no row.
    let mut refused = Vec::new();
    while let Some((bar, klines)) = merge.next_bar() {
        outcomes.clear();
        refused.clear();
        panel.step(bar, klines.iter().copied(), &mut outcomes, &mut refused);
        for (index, outcome) in &outcomes {
            window.resolve(*index, outcome);
        }
        window.push(bar, &panel, klines.iter().map(|(index, _)| *index));
        window.emit_until(bar.plus(-i64::from(Task::LONGEST_HORIZON_STEPS), interval), &mut emit);
    }
    if let Some(last) = window.bars.back().map(|bar| bar.bar) {
        window.emit_until(last, &mut emit);
    }
}

/// The rows whose outcomes are not all known yet.
struct Window {
    interval: Interval,
    symbols: Vec<Symbol>,
    bars: VecDeque<Bar>,
    /// Emptied bars, kept for their memory.
    spare: Vec<Bar>,
}

/// One bar's rows in ascending order of symbol indices.
struct Bar {
    bar: BarTime,
    rows: Vec<Waiting>,
    values: Vec<f64>,
}

struct Waiting {
    symbol_index: usize,
    quality: Quality,
    inputs: BaselineInputs,
    outcomes: [f64; Task::COUNT],
}

impl Window {
    fn resolve(&mut self, index: usize, outcome: &Outcome) {
        let Ok(at) = self.bars.binary_search_by_key(&outcome.bar, |bar| bar.bar) else { return };
        let rows = &mut self.bars[at].rows;
        if let Ok(row) = rows.binary_search_by_key(&index, |row| row.symbol_index) {
            rows[row].outcomes[outcome.task.index()] = outcome.value;
        }
    }

    fn push(&mut self, bar: BarTime, panel: &Panel, indices: impl Iterator<Item = usize>) {
        let mut kept = self.spare.pop().unwrap_or(Bar { bar, rows: Vec::new(), values: Vec::new() });
        kept.bar = bar;
        kept.rows.clear();
        kept.values.clear();
        for index in indices {
            let Some((row, inputs)) = panel.row(index) else { continue };
            kept.values.extend_from_slice(row.values);
            kept.rows.push(Waiting {
                symbol_index: index,
                quality: row.quality,
                inputs: *inputs,
                outcomes: [f64::NAN; Task::COUNT],
            });
        }
        self.bars.push_back(kept);
    }

    fn emit_until(&mut self, last: BarTime, emit: &mut impl FnMut(DatasetRow<'_>)) {
        let width = Catalogue::standard().len();
        while self.bars.front().is_some_and(|bar| bar.bar.steps_since(last, self.interval) <= 0) {
            let Some(bar) = self.bars.pop_front() else { return };
            for (row, values) in bar.rows.iter().zip(bar.values.chunks_exact(width.max(1))) {
                emit(DatasetRow {
                    symbol: self.symbols[row.symbol_index],
                    symbol_index: row.symbol_index,
                    bar: bar.bar,
                    values,
                    quality: row.quality,
                    inputs: &row.inputs,
                    outcomes: &row.outcomes,
                });
            }
            self.spare.push(bar);
        }
    }
}
