//! Shrinks what boosters say to what they have been worth on bars that they had not seen.
//!
//! Early stopping on one window is too bold later. Each factor is fitted on the answers of several walk-forward folds, so
//! that the luck of one window does not decide it; with one number a task there is little to overfit.

mod fit;
mod signals;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use fit::CalibrationSample;
pub use signals::Signals;

use signals::SIGNALS;

use crate::{Answer, OutcomeContext, Task, TaskKind};

/// Which calibration of a task is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationKind {
    /// One number that shrinks or moves the task's own mean.
    Own,
    /// A linear combination of what all boosters say about the direction: [`Signals`].
    Signals,
}

impl CalibrationKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Own, Self::Signals];

    /// The name, for example `signals`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Signals => "signals",
        }
    }
}

/// How one task's mean is turned into what is served.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TaskCalibration {
    /// A return times a factor from 0 (no skill: the answer is zero) to 1.
    Shrink {
        /// The factor.
        factor: f64,
    },
    /// The logit of the second class times a factor from 0 (even odds) to 1.
    ShrinkLogit {
        /// The factor.
        factor: f64,
    },
    /// A return, in units of the volatility that was expected for its horizon, or the logit of the second class: the sum of
    /// weights times [`Signals`].
    Signals {
        /// One weight a signal.
        weights: [f64; SIGNALS],
    },
    /// A volatility times `exp(offset)`.
    Level {
        /// The mean of `ln(outcome) - ln(answer)`.
        offset: f64,
    },
}

impl TaskCalibration {
    /// Whether it makes sense for a task.
    #[must_use]
    pub fn suits(self, task: Task) -> bool {
        match self {
            Self::Shrink { .. } => task.kind() == TaskKind::Regression && task != Task::Volatility4Step,
            Self::ShrinkLogit { .. } => task.kind() == TaskKind::Binary,
            Self::Signals { .. } => {
                task.kind() == TaskKind::Binary || Self::Shrink { factor: 0.0 }.suits(task)
            }
            Self::Level { .. } => task == Task::Volatility4Step,
        }
    }

    fn is_sound(self) -> bool {
        match self {
            Self::Shrink { factor } | Self::ShrinkLogit { factor } => (0.0..=1.0).contains(&factor),
            Self::Signals { weights } => weights.iter().all(|weight| weight.is_finite()),
            Self::Level { offset } => offset.abs() <= LEVEL_MOST,
        }
    }

    fn answer(self, task: Task, mean: Answer, signals: &Signals, context: &OutcomeContext) -> Answer {
        match (self, mean) {
            (Self::Shrink { factor }, Answer::Value(value)) => Answer::Value(value * factor),
            (Self::Level { offset }, Answer::Value(value)) => Answer::Value(value * libm::exp(offset)),
            (Self::Signals { weights }, Answer::Value(_)) => {
                Answer::Value(signals.weighted(&weights) * context.expected_volatility(task.horizon_steps()))
            }
            (Self::ShrinkLogit { factor }, Answer::Probabilities(both)) => {
                both_sides(factor * logit(both.get(1).copied().unwrap_or(f64::NAN)))
            }
            (Self::Signals { weights }, Answer::Probabilities(_)) => both_sides(signals.weighted(&weights)),
            (_, mean) => mean,
        }
    }
}

/// The largest offset of a log volatility that is believed.
const LEVEL_MOST: f64 = 0.5;

/// A probability nearer to 0 or 1 counts as this near, so that it has a logit.
const LEAST_PROBABILITY: f64 = 1e-9;

fn logit(probability: f64) -> f64 {
    if probability.is_nan() {
        return f64::NAN;
    }
    let inside = probability.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
    libm::log(inside / (1.0 - inside))
}

/// The probabilities of down and up.
fn both_sides(logit: f64) -> Answer {
    let up = logistic(logit);
    Answer::Probabilities(vec![1.0 - up, up])
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit))
}

/// The calibrations of a bundle. A task without one is answered by the mean of its members, or their stack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calibration(BTreeMap<Task, TaskCalibration>);

impl Calibration {
    /// Fits a task's calibration on answers to rows that the boosters did not learn from, in their order; `None`, and no
    /// change, for a task that has none, or without rows that say something.
    pub fn fit(
        &mut self,
        task: Task,
        kind: CalibrationKind,
        samples: &[CalibrationSample],
    ) -> Option<TaskCalibration> {
        let found = fit::fit(task, kind, samples)?;
        self.0.insert(task, found);
        Some(found)
    }

    /// A task's calibration.
    #[must_use]
    pub fn of(&self, task: Task) -> Option<TaskCalibration> {
        self.0.get(&task).copied()
    }

    /// The tasks that are calibrated.
    pub fn tasks(&self) -> impl Iterator<Item = Task> {
        self.0.keys().copied()
    }

    /// The tasks that have to be there: those that are calibrated, and those that give the signals.
    pub(crate) fn needed(&self) -> impl Iterator<Item = Task> {
        let reads_signals = self.0.values().any(|one| matches!(one, TaskCalibration::Signals { .. }));
        let signalling = Signals::TASKS.into_iter().filter(move |_| reads_signals);
        self.0.keys().copied().chain(signalling)
    }

    /// What is wrong with a calibration that was read from a file.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.0.iter().find_map(|(task, calibration)| {
            if !calibration.suits(*task) {
                Some(format!("calibrates {task} by {calibration:?}, which does not suit it"))
            } else if !calibration.is_sound() {
                Some(format!("calibrates {task} by {calibration:?}, which is out of range"))
            } else {
                None
            }
        })
    }

    /// The calibrated mean of a task's members. Where a signal is missing, so is the answer that is made of it.
    #[must_use]
    pub fn answer(&self, task: Task, mean: Answer, signals: &Signals, context: &OutcomeContext) -> Answer {
        match self.0.get(&task) {
            Some(calibration) => calibration.answer(task, mean, signals, context),
            None => mean,
        }
    }
}
