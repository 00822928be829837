//! Scoring rules: pure functions used by the trainer's evaluation and the live score alike. NaN says missing.

mod blocks;
mod bootstrap;
mod calibration;
mod card;
mod deflated;
mod intervals;
mod ledger;
mod paired;
mod ranking;
mod scored;
mod student;

pub use bootstrap::{Figure, Resampling};
pub use calibration::{CalibrationBin, calibration_bins, expected_calibration_error};
pub use card::{CardDay, CardLine, CardRequest, INTERVAL_DAYS_MIN, skill_of_days};
pub use deflated::{Deflated, Moments, deflated_estimate, expected_maximum, holm, sidak};
pub use intervals::{auc_interval, sharpe_interval, skill, skill_block_days, spearman_interval};
pub use ledger::{DAY_MS, DayOutcomes, DaySums, Ledger, day_of};
pub use paired::{PAIRED_DAYS_MIN, PairedTest, paired_test};
pub use ranking::{auc, spearman};
pub use scored::{Forecast, ScoredOutcome, TaskForecast, scored};

use crate::transform::log_volatility;
use crate::{Answer, Task, TaskKind, VOLATILITY_FLOOR};

/// The smallest probability that log loss sees: a class that was called impossible costs 27.6, not infinity.
pub const PROBABILITY_FLOOR: f64 = 1e-12;

/// `(forecast - outcome)^2`.
#[must_use]
pub fn squared_error(forecast: f64, outcome: f64) -> f64 {
    let error = forecast - outcome;
    error * error
}

/// The squared error of the natural logarithm of two volatilities, each at least [`VOLATILITY_FLOOR`].
#[must_use]
pub fn log_squared_error(forecast: f64, outcome: f64) -> f64 {
    squared_error(log_volatility(forecast), log_volatility(outcome))
}

/// QLIKE of two volatilities: `x - ln x - 1` with `x` the ratio of outcome to forecast variance (Patton 2011). At
/// least 0; volatilities are at least [`VOLATILITY_FLOOR`].
#[must_use]
pub fn qlike(forecast: f64, outcome: f64) -> f64 {
    if forecast.is_nan() || outcome.is_nan() {
        return f64::NAN;
    }
    let ratio = outcome.max(VOLATILITY_FLOOR) / forecast.max(VOLATILITY_FLOOR);
    let ratio = ratio * ratio;
    ratio - libm::log(ratio) - 1.0
}

/// Minus the natural logarithm of the probability that the outcome's class was given, at least
/// [`PROBABILITY_FLOOR`]. NaN if the class index is out of range or the probability is missing.
#[must_use]
pub fn log_loss(probabilities: &[f64], class: f64) -> f64 {
    match class_index(class).and_then(|class| probabilities.get(class)) {
        Some(probability) if !probability.is_nan() => -libm::log(probability.max(PROBABILITY_FLOOR)),
        _ => f64::NAN,
    }
}

/// Sum over the classes of the squared difference between probability and what happened (Brier 1950).
#[must_use]
pub fn brier(probabilities: &[f64], class: f64) -> f64 {
    match class_index(class) {
        Some(class) if class < probabilities.len() => probabilities
            .iter()
            .enumerate()
            .map(|(index, &probability)| squared_error(probability, f64::from(u8::from(index == class))))
            .sum(),
        _ => f64::NAN,
    }
}

/// The loss by which a task is scored: squared error for returns, squared error of the log for volatility, log loss
/// for classes. NaN if answer or outcome is missing.
#[must_use]
pub fn loss(task: Task, answer: &Answer, outcome: f64) -> f64 {
    loss_of(task, answer.as_slice(), outcome)
}

/// [`loss`] for the numbers of an answer: one value, or one probability per class.
#[must_use]
pub fn loss_of(task: Task, answer: &[f64], outcome: f64) -> f64 {
    match (task.kind(), answer) {
        (TaskKind::Regression, [value]) if task == Task::Volatility4Step => {
            log_squared_error(*value, outcome)
        }
        (TaskKind::Regression, [value]) => squared_error(*value, outcome),
        (TaskKind::Regression, _) => f64::NAN,
        (TaskKind::Binary | TaskKind::Classes(_), probabilities) => log_loss(probabilities, outcome),
    }
}

/// `1 - sum((f - o)^2) / sum((reference - o)^2)` over the pairs without a missing value; NaN if there are none. With
/// a reference of zero this is the out-of-sample R² of returns (Campbell and Thompson 2008).
#[must_use]
pub fn r2(forecasts: &[f64], outcomes: &[f64], reference: f64) -> f64 {
    let (mut ours, mut theirs) = (0.0, 0.0);
    for (&forecast, &outcome) in forecasts.iter().zip(outcomes) {
        let error = squared_error(forecast, outcome);
        if !error.is_nan() {
            ours += error;
            theirs += squared_error(reference, outcome);
        }
    }
    ratio_skill(ours, theirs)
}

/// The share of answers whose most probable class came true; NaN if there are none.
#[must_use]
pub fn accuracy<'a>(answers: impl IntoIterator<Item = (&'a [f64], f64)>) -> f64 {
    let (mut hits, mut count) = (0u64, 0u64);
    for (probabilities, outcome) in answers {
        if let (Some(best), Some(class)) = (top_class(probabilities), class_index(outcome)) {
            hits += u64::from(best == class);
            count += 1;
        }
    }
    if count == 0 { f64::NAN } else { hits as f64 / count as f64 }
}

/// `1 - loss/baseline_loss`; NaN if there is no baseline loss to compare with.
#[must_use]
pub fn ratio_skill(loss: f64, baseline_loss: f64) -> f64 {
    if baseline_loss > 0.0 { 1.0 - loss / baseline_loss } else { f64::NAN }
}

/// The first of the most probable classes.
pub(crate) fn top_class(probabilities: &[f64]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, &probability) in probabilities.iter().enumerate() {
        if probability.is_nan() {
            return None;
        }
        if best.is_none_or(|(_, highest)| probability > highest) {
            best = Some((index, probability));
        }
    }
    best.map(|(index, _)| index)
}

/// The class index that an outcome holds.
pub(crate) fn class_index(outcome: f64) -> Option<usize> {
    let valid = (0.0..1024.0).contains(&outcome) && outcome.fract() == 0.0;
    valid.then_some(outcome as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_scored_by_its_own_rule() {
        assert_eq!(loss(Task::Return1Step, &Answer::Value(0.5), 0.25), 0.0625);
        let log = loss(Task::Volatility4Step, &Answer::Value(0.02), 0.01);
        assert!((log - 0.480_453_013_918_201_4).abs() < 1e-15, "ln(2) squared, got {log}");
        let classes = loss(Task::VolRegime4Step, &Answer::Probabilities(vec![0.5, 0.25, 0.25]), 0.0);
        assert!((classes - std::f64::consts::LN_2).abs() < 1e-15);
        assert!(loss(Task::Direction4Step, &Answer::Probabilities(vec![1.0, 0.0]), 1.0) < 28.0);
    }

    #[test]
    fn what_is_missing_has_no_loss() {
        assert!(loss(Task::Return1Step, &Answer::Value(f64::NAN), 0.25).is_nan());
        assert!(loss(Task::Volatility4Step, &Answer::Value(0.1), f64::NAN).is_nan());
        assert!(loss(Task::Direction4Step, &Answer::Probabilities(vec![0.5, 0.5]), 2.0).is_nan());
        assert!(loss(Task::Direction4Step, &Answer::Probabilities(vec![0.5, 0.5]), f64::NAN).is_nan());
        assert!(loss(Task::Return1Step, &Answer::Probabilities(vec![0.5, 0.5]), 0.0).is_nan());
        assert!(qlike(f64::NAN, 1.0).is_nan() && qlike(1.0, f64::NAN).is_nan());
    }

    #[test]
    fn qlike_is_least_at_the_truth_and_punishes_too_low_more() {
        assert_eq!(qlike(0.01, 0.01), 0.0);
        assert!(qlike(0.005, 0.01) > qlike(0.02, 0.01) && qlike(0.02, 0.01) > 0.0);
    }

    #[test]
    fn r2_is_zero_at_the_reference_and_one_at_the_truth() {
        let outcomes = [0.1, -0.2, f64::NAN, 0.3];
        assert_eq!(r2(&[0.0; 4], &outcomes, 0.0), 0.0);
        assert_eq!(r2(&outcomes, &outcomes, 0.0), 1.0);
        assert!(r2(&[], &[], 0.0).is_nan());
    }

    #[test]
    fn accuracy_and_brier_read_the_same_classes() {
        let sure: &[f64] = &[0.0, 1.0];
        assert_eq!(accuracy([(sure, 1.0), (sure, 0.0), (sure, f64::NAN)]), 0.5);
        assert_eq!((brier(sure, 1.0), brier(sure, 0.0)), (0.0, 2.0));
    }
}
