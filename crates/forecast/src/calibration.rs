//! Shrinks what boosters say to what they have been worth on bars that they had not seen.
//!
//! Early stopping on one window is too bold later. Each factor is fitted on the answers of several walk-forward folds, so
//! that the luck of one window does not decide it; with one number a task there is little to overfit.

mod fit;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use fit::CalibrationSample;

use crate::{Answer, Task, TaskKind};

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
            Self::Level { .. } => task == Task::Volatility4Step,
        }
    }

    fn is_sound(self) -> bool {
        match self {
            Self::Shrink { factor } | Self::ShrinkLogit { factor } => (0.0..=1.0).contains(&factor),
            Self::Level { offset } => offset.abs() <= LEVEL_MOST,
        }
    }

    fn answer(self, mean: Answer) -> Answer {
        match (self, mean) {
            (Self::Shrink { factor }, Answer::Value(value)) => Answer::Value(value * factor),
            (Self::Level { offset }, Answer::Value(value)) => Answer::Value(value * libm::exp(offset)),
            (Self::ShrinkLogit { factor }, Answer::Probabilities(mut both)) => {
                if let [down, up] = both.as_mut_slice() {
                    *up = logistic(factor * logit(*up));
                    *down = 1.0 - *up;
                }
                Answer::Probabilities(both)
            }
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
    pub fn fit(&mut self, task: Task, samples: &[CalibrationSample]) -> Option<TaskCalibration> {
        let found = fit::fit(task, samples)?;
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

    /// The calibrated mean of a task's members.
    #[must_use]
    pub fn answer(&self, task: Task, mean: Answer) -> Answer {
        match self.0.get(&task) {
            Some(calibration) => calibration.answer(mean),
            None => mean,
        }
    }
}
