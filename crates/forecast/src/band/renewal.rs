//! Quantiles renewed from what has come true since training.
//!
//! Bars lie in blocks at absolute bar numbers, a day of 15-minute bars each. The bands of a block come from the 30 blocks
//! that end 8 blocks before it: late enough that no late or corrected kline can still be replayed into them, so that they
//! are a function of final klines, and can be made days before they are needed.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use features::HISTORY_BARS;
use kline::{BarTime, Interval, Kline, Symbol};
use serde::{Deserialize, Serialize};

use super::{BANDED_TASKS, BandQuantiles, BandScores, SymbolBands};
use crate::{BaselineInputs, Bundle, Task, for_each_row};

/// Bars of a block, whatever the step.
pub const BAND_BLOCK_BARS: i64 = 96;

/// How many blocks the quantiles of one come from.
pub const BAND_WINDOW_BLOCKS: i64 = 30;

/// How many blocks before the block that they are for the last of them lies.
pub const BAND_LAG_BLOCKS: i64 = 8;

/// So many bars before a block decide its bands.
pub const BAND_HISTORY_BARS: usize =
    HISTORY_BARS + ((BAND_WINDOW_BLOCKS + BAND_LAG_BLOCKS) * BAND_BLOCK_BARS) as usize;

/// Rows that are scored together.
const TOGETHER: usize = 256;

/// The block in which a bar lies.
#[must_use]
pub const fn band_block(bar: BarTime, interval: Interval) -> i64 {
    bar.index(interval).div_euclid(BAND_BLOCK_BARS)
}

/// A bundle's renewed quantiles: by block, by symbol. Where it says nothing, what the bundle ships holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RenewedBands(BTreeMap<i64, BTreeMap<Symbol, SymbolBands>>);

impl RenewedBands {
    /// The blocks that were renewed; a block of which too little has come true is one of them.
    #[must_use]
    pub fn blocks(&self) -> Option<RangeInclusive<i64>> {
        Some(*self.0.first_key_value()?.0..=*self.0.last_key_value()?.0)
    }

    /// What was renewed for a symbol at a bar's block.
    #[must_use]
    pub fn of(&self, symbol: Symbol, block: i64) -> SymbolBands {
        self.0.get(&block).and_then(|symbols| symbols.get(&symbol)).copied().unwrap_or_default()
    }

    /// Whether a block was renewed.
    #[must_use]
    pub fn has(&self, block: i64) -> bool {
        self.0.contains_key(&block)
    }

    /// Whether every band that was read from a file can be: its ends are finite and in order.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.0
            .values()
            .flat_map(BTreeMap::values)
            .all(|bands| BANDED_TASKS.iter().filter_map(|task| bands.of(*task)).all(BandQuantiles::is_sound))
    }

    /// Takes over the blocks that are not known yet: what was known has been served.
    pub fn extend(&mut self, other: Self) {
        for (block, symbols) in other.0 {
            self.0.entry(block).or_insert(symbols);
        }
    }

    /// Lets go of the blocks before one.
    pub fn let_go_before(&mut self, block: i64) {
        self.0 = self.0.split_off(&block);
    }
}

/// The bands of `blocks`, from the klines up to [`BAND_LAG_BLOCKS`] blocks before each: a function of those klines and the
/// bundle, wherever the history begins, as long as it begins [`BAND_HISTORY_BARS`] before the first block. Bars that the
/// bundle was trained or tuned on do not come in, nor those whose outcomes were. What lies after them in `history`
/// changes nothing.
#[must_use]
pub fn renew(
    bundle: &Bundle,
    history: &BTreeMap<Symbol, Vec<Kline>>,
    blocks: RangeInclusive<i64>,
) -> RenewedBands {
    let interval = bundle.manifest().interval;
    let learned_until = bundle.manifest().training.tune_until;
    let first_bar = learned_until.plus(i64::from(Task::LONGEST_HORIZON_STEPS), interval);
    let window = blocks.start() - BAND_LAG_BLOCKS - BAND_WINDOW_BLOCKS + 1..=blocks.end() - BAND_LAG_BLOCKS;
    let mut found = BandWindow::default();
    let mut waiting = Waiting::default();
    let history: BTreeMap<Symbol, Vec<Kline>> = history
        .iter()
        .filter(|(symbol, _)| bundle.covers(**symbol))
        .map(|(symbol, klines)| (*symbol, up_to(klines, *window.end(), interval).to_vec()))
        .collect();
    for_each_row(&history, interval, |row| {
        let block = band_block(row.bar, interval);
        if row.bar > first_bar && window.contains(&block) {
            waiting.push(row.symbol, block, row.values, row.inputs, row.outcomes);
            if waiting.inputs.len() == TOGETHER {
                waiting.score(bundle, &mut found);
            }
        }
    });
    waiting.score(bundle, &mut found);
    RenewedBands(blocks.map(|block| (block, found.block(block))).collect())
}

/// The klines of the blocks up to one, and those in which their outcomes come true.
fn up_to(klines: &[Kline], block: i64, interval: Interval) -> &[Kline] {
    let last = (block + 1) * BAND_BLOCK_BARS - 1 + i64::from(Task::LONGEST_HORIZON_STEPS);
    &klines[..klines.partition_point(|kline| kline.bar_time(interval).index(interval) <= last)]
}

/// Scores by block: what the bands of later blocks come from, for whoever has the answers already.
#[derive(Debug, Clone, Default)]
pub struct BandWindow(BTreeMap<i64, BandScores>);

impl BandWindow {
    /// The scores of the bars of a block.
    pub fn scores(&mut self, block: i64) -> &mut BandScores {
        self.0.entry(block).or_default()
    }

    /// What is renewed for a block, by symbol: from the [`BAND_WINDOW_BLOCKS`] that end [`BAND_LAG_BLOCKS`] before it.
    #[must_use]
    pub fn block(&self, block: i64) -> BTreeMap<Symbol, SymbolBands> {
        let last = block - BAND_LAG_BLOCKS;
        let mut scores = BandScores::new();
        for (_, of_block) in self.0.range(last - BAND_WINDOW_BLOCKS + 1..=last) {
            scores.append(of_block);
        }
        let of_symbol = |symbol: Symbol| {
            let mut bands = SymbolBands::NONE;
            for task in BANDED_TASKS {
                if let Some(quantiles) = scores.of_symbol(symbol, task) {
                    bands.set(task, quantiles);
                }
            }
            (symbol, bands)
        };
        scores.symbols().map(of_symbol).collect()
    }
}

/// Rows that wait for being scored together.
#[derive(Default)]
struct Waiting {
    keys: Vec<(Symbol, i64)>,
    values: Vec<f64>,
    inputs: Vec<BaselineInputs>,
    outcomes: Vec<[f64; Task::COUNT]>,
    outputs: Vec<f64>,
}

impl Waiting {
    fn push(
        &mut self,
        symbol: Symbol,
        block: i64,
        values: &[f64],
        inputs: &BaselineInputs,
        outcomes: &[f64; Task::COUNT],
    ) {
        self.keys.push((symbol, block));
        self.values.extend_from_slice(values);
        self.inputs.push(*inputs);
        self.outcomes.push(*outcomes);
    }

    fn score(&mut self, bundle: &Bundle, found: &mut BandWindow) {
        bundle.score(&self.values, &mut self.outputs);
        let of_row = self.outputs.chunks_exact(bundle.output_count().max(1));
        for ((outputs, inputs), ((symbol, block), outcomes)) in
            of_row.zip(&self.inputs).zip(self.keys.iter().zip(&self.outcomes))
        {
            found.scores(*block).push_members(*symbol, &bundle.members(outputs, &inputs.context), outcomes);
        }
        self.keys.clear();
        self.values.clear();
        self.inputs.clear();
        self.outcomes.clear();
    }
}
