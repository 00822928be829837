//! One model's figures on one task, by the rules that also score live forecasts.

use std::collections::BTreeMap;

use forecast::score::{
    Figure, Resampling, accuracy, auc_interval, brier, expected_calibration_error, log_squared_error,
    loss_of, qlike, skill, spearman_interval, squared_error,
};
use forecast::{BaselineInputs, Task, TaskKind, VarianceModel, VarianceSample, log_volatility};

use crate::answers::Answers;

/// Bins of the expected calibration error.
pub(crate) const CALIBRATION_BINS: usize = 15;

/// What a model is measured against, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// The task.
    pub task: Task,
    /// What came true; NaN is missing.
    pub outcomes: &'a [f64],
    /// The UTC day of each row.
    pub days: &'a [i64],
    /// How intervals are made.
    pub resampling: Resampling,
}

/// The loss of every row, by the task's own rule.
#[must_use]
pub fn losses(truth: Truth<'_>, answers: &Answers) -> Vec<f64> {
    answers
        .rows()
        .zip(truth.outcomes)
        .map(|(answer, outcome)| loss_of(truth.task, answer, *outcome))
        .collect()
}

/// Figures by name: `loss` for every task; `r2` and `ic` for returns; `r2_log` and `qlike` for volatility (of the answer as it is: see [`variance_qlike`]);
/// `accuracy`, `ece`, `brier` for classes and `auc` for two of them.
#[must_use]
pub fn figures(truth: Truth<'_>, answers: &Answers, losses: &[f64]) -> BTreeMap<String, Figure> {
    let mut found = BTreeMap::new();
    found.insert("loss".to_owned(), Figure::plain(mean(losses.iter().copied())));
    match truth.task.kind() {
        TaskKind::Regression if truth.task == Task::Volatility4Step => {
            volatility(truth, answers, losses, &mut found);
        }
        TaskKind::Regression => returns(truth, answers, losses, &mut found),
        TaskKind::Binary | TaskKind::Classes(_) => classes(truth, answers, &mut found),
    }
    found
}

fn returns(truth: Truth<'_>, answers: &Answers, losses: &[f64], found: &mut BTreeMap<String, Figure>) {
    let of_zero: Vec<f64> = truth.outcomes.iter().map(|outcome| squared_error(0.0, *outcome)).collect();
    found.insert("r2".to_owned(), skill(losses, &of_zero, truth.days, truth.resampling));
    let ic = spearman_interval(&answers.values, truth.outcomes, truth.days, truth.resampling);
    found.insert("ic".to_owned(), ic);
}

fn volatility(truth: Truth<'_>, answers: &Answers, losses: &[f64], found: &mut BTreeMap<String, Figure>) {
    let outcomes = truth.outcomes.iter();
    let usual = mean(outcomes.clone().map(|outcome| log_volatility(*outcome)));
    let of_usual: Vec<f64> =
        outcomes.clone().map(|outcome| log_squared_error(libm::exp(usual), *outcome)).collect();
    found.insert("r2_log".to_owned(), skill(losses, &of_usual, truth.days, truth.resampling));
    let quasi = answers.values.iter().zip(outcomes).map(|(forecast, outcome)| qlike(*forecast, *outcome));
    found.insert("qlike".to_owned(), Figure::plain(mean(quasi)));
}

/// QLIKE of volatility forecasts by what they expect of the squared volatility.
#[must_use]
pub fn variance_qlike(
    truth: Truth<'_>,
    inputs: &[BaselineInputs],
    answers: &Answers,
    model: &VarianceModel,
) -> Figure {
    let expected =
        answers.values.iter().zip(inputs).map(|(forecast, inputs)| {
            model.root_mean_square(*forecast, &inputs.realised).unwrap_or(f64::NAN)
        });
    Figure::plain(mean(expected.zip(truth.outcomes).map(|(expected, outcome)| qlike(expected, *outcome))))
}

/// QLIKE of volatility forecasts times `factor`. A forecast that is best for the log is too low for the variance, by
/// a factor that can be known beforehand: see [`variance_factor`].
#[must_use]
pub fn scaled_qlike(truth: Truth<'_>, answers: &Answers, factor: f64) -> Figure {
    let both = answers.values.iter().zip(truth.outcomes);
    Figure::plain(mean(both.map(|(forecast, outcome)| qlike(forecast * factor, *outcome))))
}

/// The factor on volatility forecasts that is best for QLIKE over these rows; NaN without one.
#[must_use]
pub fn variance_factor(answers: &Answers, outcomes: &[f64]) -> f64 {
    let sample = |(&forecast, &outcome)| VarianceSample { forecast, realised: [f64::NAN; 3], outcome };
    let samples: Vec<VarianceSample> = answers.values.iter().zip(outcomes).map(sample).collect();
    VarianceModel::factor(&samples).unwrap_or(f64::NAN)
}

fn classes(truth: Truth<'_>, answers: &Answers, found: &mut BTreeMap<String, Figure>) {
    let rows = || answers.rows().zip(truth.outcomes.iter().copied());
    found.insert("accuracy".to_owned(), Figure::plain(accuracy(rows())));
    found.insert("brier".to_owned(), Figure::plain(mean(rows().map(|(row, outcome)| brier(row, outcome)))));
    let stated = rows().filter_map(|(row, outcome)| stated(truth.task.kind(), row, outcome));
    let error = expected_calibration_error(stated, CALIBRATION_BINS);
    found.insert("ece".to_owned(), Figure::plain(error));
    if truth.task.kind() == TaskKind::Binary {
        let up: Vec<f64> =
            rows().map(|(row, outcome)| if outcome.is_nan() { f64::NAN } else { row[1] }).collect();
        let came_true: Vec<bool> = truth.outcomes.iter().map(|outcome| *outcome == 1.0).collect();
        found.insert("auc".to_owned(), auc_interval(&up, &came_true, truth.days, truth.resampling));
    }
}

/// The probability that an answer states for what it expects most, of two classes for the second, and whether that came true;
/// `None` if either is missing, and for an answer that is no class.
pub(crate) fn stated(kind: TaskKind, answer: &[f64], outcome: f64) -> Option<(f64, bool)> {
    if outcome.is_nan() || answer.first().is_none_or(|probability| probability.is_nan()) {
        return None;
    }
    let class = match kind {
        TaskKind::Regression => return None,
        TaskKind::Binary => 1,
        TaskKind::Classes(_) => {
            (0..answer.len()).fold(0, |best, class| if answer[class] > answer[best] { class } else { best })
        }
    };
    Some((*answer.get(class)?, outcome == class as f64))
}

/// The mean of what is not missing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u64);
    for value in values.filter(|value| !value.is_nan()) {
        sum += value;
        count += 1;
    }
    sum / count as f64
}
