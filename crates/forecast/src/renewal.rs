//! What is renewed from what has come true since training: the quantiles of the bands, and how far probabilities are believed.
//!
//! Bars lie in blocks at absolute bar numbers, a day of 15-minute bars each. What a block is answered with comes from the 30 blocks
//! that end 8 blocks before it: late enough that no late or corrected kline can still be replayed into them, so that they
//! are a function of final klines, and can be made days before they are needed.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use features::HISTORY_BARS;
use kline::{BarTime, Interval, Kline, Symbol};
use serde::{Deserialize, Serialize};

use crate::band::BANDED_TASKS;
use crate::confidence::ConfidenceSums;
use crate::ensemble::{MemberAnswers, volatility_of};
use crate::{
    Answer, BandQuantiles, BandScores, BaselineInputs, Bundle, Confidence, SymbolBands, Task, for_each_row,
};

/// Bars of a block, whatever the step.
pub const RENEWAL_BLOCK_BARS: i64 = 96;

/// How many blocks the quantiles of one come from.
pub const RENEWAL_WINDOW_BLOCKS: i64 = 30;

/// How many blocks before the block that they are for the last of them lies.
pub const RENEWAL_LAG_BLOCKS: i64 = 8;

/// So many bars before a block decide its bands.
pub const RENEWAL_HISTORY_BARS: usize =
    HISTORY_BARS + ((RENEWAL_WINDOW_BLOCKS + RENEWAL_LAG_BLOCKS) * RENEWAL_BLOCK_BARS) as usize;

/// Rows that are scored together.
const TOGETHER: usize = 256;

/// The block in which a bar lies.
#[must_use]
pub const fn renewal_block(bar: BarTime, interval: Interval) -> i64 {
    bar.index(interval).div_euclid(RENEWAL_BLOCK_BARS)
}

/// What is renewed for one symbol's answers; the default leaves them as the bundle makes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SymbolRenewal {
    /// How far probabilities are believed: the same for all symbols.
    #[serde(default, skip_serializing_if = "Confidence::is_full")]
    pub confidence: Confidence,
    /// The quantiles of its bands.
    #[serde(flatten)]
    pub bands: SymbolBands,
}

impl SymbolRenewal {
    /// Whether it can be: band ends are finite and in order, factors in their range.
    fn is_sound(&self) -> bool {
        let mut bands = BANDED_TASKS.iter().filter_map(|task| self.bands.of(*task));
        self.confidence.is_sound() && bands.all(BandQuantiles::is_sound)
    }
}

/// What was renewed for a bundle: by block, by symbol. Where it says nothing, what the bundle ships holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Renewed(BTreeMap<i64, BTreeMap<Symbol, SymbolRenewal>>);

impl Renewed {
    /// The blocks that were renewed; a block of which too little has come true is one of them.
    #[must_use]
    pub fn blocks(&self) -> Option<RangeInclusive<i64>> {
        Some(*self.0.first_key_value()?.0..=*self.0.last_key_value()?.0)
    }

    /// What was renewed for a symbol at a bar's block.
    #[must_use]
    pub fn of(&self, symbol: Symbol, block: i64) -> SymbolRenewal {
        self.0.get(&block).and_then(|symbols| symbols.get(&symbol)).copied().unwrap_or_default()
    }

    /// Whether a block was renewed.
    #[must_use]
    pub fn has(&self, block: i64) -> bool {
        self.0.contains_key(&block)
    }

    /// Whether everything that was read from a file can be.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.0.values().flat_map(BTreeMap::values).all(SymbolRenewal::is_sound)
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

/// What `blocks` are answered with, from the klines up to [`RENEWAL_LAG_BLOCKS`] blocks before each: a function of those klines and the
/// bundle, wherever the history begins, as long as it begins [`RENEWAL_HISTORY_BARS`] before the first block. Bars that the
/// bundle was trained or tuned on do not come in, nor those whose outcomes were. What lies after them in `history`
/// changes nothing.
#[must_use]
pub fn renew(
    bundle: &Bundle,
    history: &BTreeMap<Symbol, Vec<Kline>>,
    blocks: RangeInclusive<i64>,
) -> Renewed {
    let interval = bundle.manifest().interval;
    let learned_until = bundle.manifest().training.tune_until;
    let first_bar = learned_until.plus(i64::from(Task::LONGEST_HORIZON_STEPS), interval);
    let window =
        blocks.start() - RENEWAL_LAG_BLOCKS - RENEWAL_WINDOW_BLOCKS + 1..=blocks.end() - RENEWAL_LAG_BLOCKS;
    let mut found = RenewalWindow::default();
    let mut waiting = Waiting::default();
    let history: BTreeMap<Symbol, Vec<Kline>> = history
        .iter()
        .filter(|(symbol, _)| bundle.covers(**symbol))
        .map(|(symbol, klines)| (*symbol, up_to(klines, *window.end(), interval).to_vec()))
        .collect();
    for_each_row(&history, interval, |row| {
        let block = renewal_block(row.bar, interval);
        if row.bar > first_bar && window.contains(&block) {
            waiting.push(row.symbol, block, row.values, row.inputs, row.outcomes);
            if waiting.inputs.len() == TOGETHER {
                waiting.score(bundle, &mut found);
            }
        }
    });
    waiting.score(bundle, &mut found);
    Renewed(blocks.map(|block| (block, found.block(block))).collect())
}

/// The klines of the blocks up to one, and those in which their outcomes come true.
fn up_to(klines: &[Kline], block: i64, interval: Interval) -> &[Kline] {
    let last = (block + 1) * RENEWAL_BLOCK_BARS - 1 + i64::from(Task::LONGEST_HORIZON_STEPS);
    &klines[..klines.partition_point(|kline| kline.bar_time(interval).index(interval) <= last)]
}

/// What came of answers by block, for whoever has the answers already: what later blocks are renewed from.
#[derive(Debug, Clone, Default)]
pub struct RenewalWindow(BTreeMap<i64, OfBlock>);

#[derive(Debug, Clone, Default)]
struct OfBlock {
    scores: BandScores,
    confidence: ConfidenceSums,
}

impl RenewalWindow {
    /// Takes what ensembles answered about one symbol at a bar of a block, before anything that was renewed, what they
    /// expected the volatility over 4 steps to be, and what came true, by [`Task::index`].
    pub fn push<'a>(
        &mut self,
        (symbol, block): (Symbol, i64),
        answers: impl Iterator<Item = (Task, &'a Answer)>,
        volatility: f64,
        outcomes: &[f64; Task::COUNT],
    ) {
        let of_block = self.0.entry(block).or_default();
        for (task, answer) in answers {
            let outcome = outcomes[task.index()];
            match answer {
                Answer::Value(value) => of_block.scores.push(symbol, task, *value, volatility, outcome),
                Answer::Probabilities(_) => of_block.confidence.push(task, answer, outcome),
            }
        }
    }

    /// What is renewed for a block, by symbol: from the [`RENEWAL_WINDOW_BLOCKS`] that end [`RENEWAL_LAG_BLOCKS`] before it.
    #[must_use]
    pub fn block(&self, block: i64) -> BTreeMap<Symbol, SymbolRenewal> {
        let last = block - RENEWAL_LAG_BLOCKS;
        let blocks = self.0.range(last - RENEWAL_WINDOW_BLOCKS + 1..=last).map(|(_, of_block)| of_block);
        let confidence = ConfidenceSums::renew(blocks.clone().map(|of_block| &of_block.confidence));
        let mut scores = BandScores::new();
        for of_block in blocks {
            scores.append(&of_block.scores);
        }
        let of_symbol = |symbol: Symbol| {
            let mut bands = SymbolBands::NONE;
            for task in BANDED_TASKS {
                if let Some(quantiles) = scores.of_symbol(symbol, task) {
                    bands.set(task, quantiles);
                }
            }
            // All or nothing, so that what a prediction was given can be told from its bands.
            let confidence = if bands == SymbolBands::NONE { Confidence::FULL } else { confidence };
            (symbol, SymbolRenewal { confidence, bands })
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

    fn score(&mut self, bundle: &Bundle, found: &mut RenewalWindow) {
        bundle.score(&self.values, &mut self.outputs);
        let of_row = self.outputs.chunks_exact(bundle.output_count().max(1));
        for ((outputs, inputs), ((symbol, block), outcomes)) in
            of_row.zip(&self.inputs).zip(self.keys.iter().zip(&self.outcomes))
        {
            let members = bundle.members(outputs, &inputs.context);
            let answers = members.iter().map(|MemberAnswers { task, ensemble, .. }| (*task, ensemble));
            found.push((*symbol, *block), answers, volatility_of(&members), outcomes);
        }
        self.keys.clear();
        self.values.clear();
        self.inputs.clear();
        self.outcomes.clear();
    }
}
