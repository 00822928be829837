//! Scores by symbol and task, and their quantiles.

use std::collections::BTreeMap;

use kline::Symbol;

use super::{BAND_LEVELS, BANDED, BandQuantiles, band_score, place};
use crate::Task;

/// Fewer scores of a symbol give no quantiles of its own: a third of the window of 30 days.
const NEEDED: usize = 960;

/// How answers erred, by symbol and task.
#[derive(Debug, Clone, Default)]
pub struct BandScores(BTreeMap<Symbol, [Vec<f64>; BANDED]>);

impl BandScores {
    /// No score.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an answer, what the model expected the volatility over 4 steps to be, and what came true. What is missing
    /// is passed over.
    pub fn push(&mut self, symbol: Symbol, task: Task, answer: f64, volatility: f64, outcome: f64) {
        let score = band_score(task, answer, volatility, outcome);
        if let Some(place) = place(task).filter(|_| score.is_finite()) {
            self.0.entry(symbol).or_default()[place].push(score);
        }
    }

    /// Takes the scores of another.
    pub(crate) fn append(&mut self, other: &Self) {
        for (symbol, scores) in &other.0 {
            for (kept, scores) in self.0.entry(*symbol).or_default().iter_mut().zip(scores) {
                kept.extend_from_slice(scores);
            }
        }
    }

    /// The symbols that have scores, sorted.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.0.keys().copied()
    }

    /// The quantiles of one symbol's scores; `None` if there are too few (960).
    #[must_use]
    pub fn of_symbol(&self, symbol: Symbol, task: Task) -> Option<BandQuantiles> {
        quantiles(self.0.get(&symbol)?[place(task)?].clone())
    }

    /// The quantiles of all symbols' scores; `None` if there are too few.
    #[must_use]
    pub fn pooled(&self, task: Task) -> Option<BandQuantiles> {
        let place = place(task)?;
        quantiles(self.0.values().flat_map(|scores| scores[place].iter().copied()).collect())
    }
}

/// The order statistics that hold each level of the next score if scores are exchangeable: of n scores the ones at
/// `floor((n+1) a/2)` and `ceil((n+1) (1-a/2))`, counted from 1, where `a` is one minus the level.
fn quantiles(mut scores: Vec<f64>) -> Option<BandQuantiles> {
    if scores.len() < NEEDED {
        return None;
    }
    scores.sort_unstable_by(f64::total_cmp);
    let count = scores.len();
    let at = |place: f64| scores[(place as usize).clamp(1, count) - 1];
    Some(BandQuantiles(BAND_LEVELS.map(|level| {
        let (next, tail) = ((count + 1) as f64, (1.0 - level) / 2.0);
        // A hair, for a level is no exact number: 0.1 of 1,000 is 100.
        [at((next * tail + 1e-9).floor()), at((next * (1.0 - tail) - 1e-9).ceil())]
    })))
}
