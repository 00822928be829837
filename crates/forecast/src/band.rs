//! Bands around the answers of regression tasks: split conformal prediction (Vovk, Gammerman and Shafer 2005; Romano,
//! Patterson and Candès 2019 for the two ends), scaled by the model's own forecast of volatility.
//!
//! How an answer erred, in units of what it expected to err, is its score. The quantiles of the scores of bars that no
//! booster has learned from make the bands of later answers. A bundle ships quantiles of its walk-forward folds; later
//! they are renewed from what has come true ([`renew`](crate::renew)).

mod scores;

use std::collections::BTreeMap;

use kline::Symbol;
use serde::{Deserialize, Serialize};

pub use scores::BandScores;

use crate::{Answer, Task, VOLATILITY_FLOOR, bits, log_volatility};

/// The shares of outcomes that the bands are to hold.
pub const BAND_LEVELS: [f64; 2] = [0.8, 0.9];

/// How many tasks have bands.
const BANDED: usize = 4;

/// Where an outcome is expected, with a probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The share of outcomes that it is to hold, for example 0.8.
    pub level: f64,
    /// The lower end, in the outcome's unit.
    #[serde(with = "bits::scalar")]
    pub low: f64,
    /// The upper end.
    #[serde(with = "bits::scalar")]
    pub high: f64,
}

impl Band {
    /// Whether an outcome lies inside; `None` if it is missing.
    #[must_use]
    pub fn holds(&self, outcome: f64) -> Option<bool> {
        let known = !outcome.is_nan() && !self.low.is_nan() && !self.high.is_nan();
        known.then_some(self.low <= outcome && outcome <= self.high)
    }

    /// Whether two bands hold the same bits.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        bits::same(&[self.level, self.low, self.high], &[other.level, other.low, other.high])
    }
}

/// The two ends of a band at each of [`BAND_LEVELS`], as scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BandQuantiles(pub [[f64; 2]; BAND_LEVELS.len()]);

impl BandQuantiles {
    /// Whether every end is a number, and no band lies within one of a lower level.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let ends = self.0.as_flattened();
        ends.iter().all(|end| end.is_finite())
            && self.0.iter().all(|[low, high]| low <= high)
            && self.0.windows(2).all(|pair| pair[1][0] <= pair[0][0] && pair[0][1] <= pair[1][1])
    }
}

/// What one symbol's answers are given bands by: the quantiles of each task that has bands; `None` gives none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Task, BandQuantiles>", into = "BTreeMap<Task, BandQuantiles>")]
pub struct SymbolBands([Option<BandQuantiles>; BANDED]);

impl SymbolBands {
    /// Bands of no task.
    pub const NONE: Self = Self([None; BANDED]);

    /// The quantiles of a task.
    #[must_use]
    pub fn of(&self, task: Task) -> Option<&BandQuantiles> {
        self.0[place(task)?].as_ref()
    }

    /// Sets a task's quantiles; a task without bands is passed over.
    pub fn set(&mut self, task: Task, quantiles: BandQuantiles) {
        if let Some(place) = place(task) {
            self.0[place] = Some(quantiles);
        }
    }

    /// The same with what another has for the tasks that this one lacks.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (kept, other) in self.0.iter_mut().zip(other.0) {
            *kept = kept.or(other);
        }
        self
    }

    /// The bands of an answer, one a level; empty without quantiles, and where the answer or the forecast of the
    /// volatility over 4 steps is missing.
    #[must_use]
    pub fn around(&self, task: Task, answer: &Answer, volatility: f64) -> Vec<Band> {
        let Some((quantiles, &Answer::Value(value))) = self.of(task).zip(Some(answer)) else {
            return Vec::new();
        };
        let bands = BAND_LEVELS.iter().zip(quantiles.0).map(|(&level, [low, high])| Band {
            level,
            low: outcome_at(task, value, volatility, low),
            high: outcome_at(task, value, volatility, high),
        });
        let bands: Vec<Band> = bands.collect();
        if bands.iter().any(|band| band.low.is_nan() || band.high.is_nan()) { Vec::new() } else { bands }
    }
}

/// By task, as they are written; what is said of a task without bands is passed over.
impl From<BTreeMap<Task, BandQuantiles>> for SymbolBands {
    fn from(tasks: BTreeMap<Task, BandQuantiles>) -> Self {
        let mut bands = Self::NONE;
        for (task, quantiles) in tasks {
            bands.set(task, quantiles);
        }
        bands
    }
}

impl From<SymbolBands> for BTreeMap<Task, BandQuantiles> {
    fn from(bands: SymbolBands) -> Self {
        BANDED_TASKS.into_iter().filter_map(|task| Some((task, *bands.of(task)?))).collect()
    }
}

/// Whether a task's answers have bands.
#[must_use]
pub const fn has_bands(task: Task) -> bool {
    place(task).is_some()
}

/// The tasks with bands, in the order of their places.
pub(crate) const BANDED_TASKS: [Task; BANDED] =
    [Task::Return1Step, Task::Return4Step, Task::Return16Step, Task::Volatility4Step];

const fn place(task: Task) -> Option<usize> {
    match task {
        Task::Return1Step => Some(0),
        Task::Return4Step => Some(1),
        Task::Return16Step => Some(2),
        Task::Volatility4Step => Some(3),
        Task::Direction4Step | Task::DirectionMulti4Step | Task::VolRegime4Step => None,
    }
}

/// How an answer erred: a return's error over the volatility that the model expects for its horizon
/// (`volatility * sqrt(steps/4)`), a volatility's `ln(outcome) - ln(answer)`. NaN if anything is missing.
#[must_use]
pub fn band_score(task: Task, answer: f64, volatility: f64, outcome: f64) -> f64 {
    match task {
        Task::Volatility4Step => log_volatility(outcome) - log_volatility(answer),
        _ => (outcome - answer) / scale(task, volatility),
    }
}

/// The outcome whose score is `score`: what [`band_score`] undoes.
fn outcome_at(task: Task, answer: f64, volatility: f64, score: f64) -> f64 {
    match task {
        Task::Volatility4Step => libm::exp(log_volatility(answer) + score),
        _ => answer + score * scale(task, volatility),
    }
}

fn scale(task: Task, volatility: f64) -> f64 {
    let floored = if volatility.is_nan() { volatility } else { volatility.max(VOLATILITY_FLOOR) };
    floored * (f64::from(task.horizon_steps()) / 4.0).sqrt()
}

/// The quantiles that a bundle ships, from the answers of its walk-forward folds: pooled over all symbols, and of each
/// symbol with enough of them. Empty gives no bands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bands(BTreeMap<Task, TaskBands>);

/// One task's quantiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskBands {
    pooled: BandQuantiles,
    symbols: BTreeMap<Symbol, BandQuantiles>,
}

impl Bands {
    /// The bands that scores give.
    #[must_use]
    pub fn fit(scores: &BandScores) -> Self {
        let of_task = |task: Task| {
            let pooled = scores.pooled(task)?;
            let of_symbol = |symbol: Symbol| Some((symbol, scores.of_symbol(symbol, task)?));
            Some((task, TaskBands { pooled, symbols: scores.symbols().filter_map(of_symbol).collect() }))
        };
        Self(BANDED_TASKS.into_iter().filter_map(of_task).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is shipped for a symbol.
    #[must_use]
    pub fn of(&self, symbol: Symbol) -> SymbolBands {
        let mut found = SymbolBands::NONE;
        for (&task, bands) in &self.0 {
            found.set(task, *bands.symbols.get(&symbol).unwrap_or(&bands.pooled));
        }
        found
    }

    /// What is wrong with bands that were read from a file.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.0.iter().find_map(|(task, bands)| {
            if !has_bands(*task) {
                return Some(format!("has bands for {task}, whose answers have none"));
            }
            let unsound = std::iter::once(&bands.pooled).chain(bands.symbols.values());
            unsound
                .into_iter()
                .any(|quantiles| !quantiles.is_sound())
                .then(|| format!("has a band for {task} with an end that is not finite, or out of order"))
        })
    }

    /// The tasks that have bands.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = Task> {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod band_tests;
