//! What a booster is trained on in place of the outcome, and the way back.

use serde::{Deserialize, Serialize};

use crate::{OutcomeContext, Task};

/// The smallest volatility that has a logarithm here: a tenth of a basis point over four steps. Outcomes and
/// forecasts below it (a market that stands still) count as it.
pub const VOLATILITY_FLOOR: f64 = 1e-5;

/// How a task's outcome is turned into a booster's target. Whatever a booster was trained on, what is served and
/// scored is the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetTransform {
    /// The outcome itself (or the class index).
    Identity,
    /// `r / (sigma * sqrt(h))`, clipped at `±clip`: large moves of a wild market no longer rule the fit.
    VolatilityScaledReturn {
        /// In units of the expected volatility over the horizon.
        clip: f64,
    },
    /// The natural logarithm, of at least [`VOLATILITY_FLOOR`].
    LogVolatility,
}

impl TargetTransform {
    /// The transform that FORECASTING's study found best for a task.
    #[must_use]
    pub const fn standard(task: Task) -> Self {
        match task {
            Task::Return1Step | Task::Return4Step | Task::Return16Step => {
                Self::VolatilityScaledReturn { clip: 4.0 }
            }
            Task::Volatility4Step => Self::LogVolatility,
            Task::Direction4Step | Task::DirectionMulti4Step | Task::VolRegime4Step => Self::Identity,
        }
    }

    /// Whether the transform makes sense for a task.
    #[must_use]
    pub fn suits(self, task: Task) -> bool {
        match self {
            Self::Identity => true,
            Self::VolatilityScaledReturn { clip } => {
                clip > 0.0 && matches!(task, Task::Return1Step | Task::Return4Step | Task::Return16Step)
            }
            Self::LogVolatility => task == Task::Volatility4Step,
        }
    }

    /// The booster's target; NaN if the outcome is missing or the context can't scale it.
    #[must_use]
    pub fn apply(self, task: Task, outcome: f64, context: &OutcomeContext) -> f64 {
        match self {
            Self::Identity => outcome,
            Self::VolatilityScaledReturn { clip } => {
                let scale = context.expected_volatility(task.horizon_steps());
                let scaled = outcome / scale;
                if scaled.is_nan() { f64::NAN } else { scaled.clamp(-clip.abs(), clip.abs()) }
            }
            Self::LogVolatility => log_volatility(outcome),
        }
    }

    /// The outcome that a booster's answer stands for.
    #[must_use]
    pub fn invert(self, task: Task, answer: f64, context: &OutcomeContext) -> f64 {
        match self {
            Self::Identity => answer,
            Self::VolatilityScaledReturn { .. } => answer * context.expected_volatility(task.horizon_steps()),
            Self::LogVolatility => libm::exp(answer),
        }
    }
}

/// `ln(max(volatility, VOLATILITY_FLOOR))`; NaN stays NaN.
#[must_use]
pub fn log_volatility(volatility: f64) -> f64 {
    if volatility.is_nan() { f64::NAN } else { libm::log(volatility.max(VOLATILITY_FLOOR)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn context(sigma: f64) -> OutcomeContext {
        OutcomeContext { sigma, ..OutcomeContext::unknown() }
    }

    proptest! {
        #[test]
        fn the_inverse_undoes_what_was_not_clipped(outcome in -0.2f64..0.2, sigma in 1e-4f64..0.05) {
            for task in [Task::Return1Step, Task::Return4Step, Task::Return16Step] {
                let transform = TargetTransform::standard(task);
                let target = transform.apply(task, outcome, &context(sigma));
                prop_assert!(target.abs() <= 4.0);
                if target.abs() < 4.0 {
                    let back = transform.invert(task, target, &context(sigma));
                    prop_assert!((back - outcome).abs() <= 1e-12 * outcome.abs().max(1e-6));
                }
            }
            let log = TargetTransform::LogVolatility;
            let volatility = outcome.abs() + 1e-4;
            let target = log.apply(Task::Volatility4Step, volatility, &context(sigma));
            let back = log.invert(Task::Volatility4Step, target, &context(sigma));
            prop_assert!((back - volatility).abs() <= 1e-12 * volatility);
        }
    }

    #[test]
    fn what_can_not_be_scaled_is_missing() {
        let transform = TargetTransform::standard(Task::Return1Step);
        for sigma in [f64::NAN, 0.0] {
            assert!(transform.apply(Task::Return1Step, 0.0, &context(sigma)).is_nan());
            assert!(transform.apply(Task::Return1Step, 0.1, &context(sigma)).is_nan());
        }
        assert!(transform.apply(Task::Return1Step, f64::NAN, &context(0.01)).is_nan());
        assert!(TargetTransform::LogVolatility.apply(Task::Volatility4Step, 0.0, &context(0.0)).is_finite());
    }

    #[test]
    fn each_standard_suits_its_task_and_no_class_is_scaled() {
        for task in Task::ALL {
            assert!(TargetTransform::standard(task).suits(task));
        }
        assert!(!TargetTransform::LogVolatility.suits(Task::Direction4Step));
        assert!(!TargetTransform::VolatilityScaledReturn { clip: f64::NAN }.suits(Task::Return1Step));
    }
}
