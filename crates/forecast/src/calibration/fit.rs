//! One number a task, by least squares or by likelihood.

use super::signals::{SIGNALS, Signals};
use super::{CalibrationKind, LEVEL_MOST, TaskCalibration, logistic, logit};
use crate::{Answer, Task, TaskKind, cholesky, log_volatility};

/// One answer to fit a calibration on.
#[derive(Debug, Clone)]
pub struct CalibrationSample {
    /// The mean of the task's members.
    pub mean: Answer,
    /// What all boosters said about the direction.
    pub signals: Signals,
    /// What gives a return its scale: the volatility that was expected for its horizon. Not looked at for other tasks.
    pub scale: f64,
    /// What came true; NaN if missing.
    pub outcome: f64,
}

/// Fewer rows decide nothing.
const NEEDED: usize = 100;

/// A scaled return beyond counts as it, as it does in training: one wild day must not decide.
const CLIP: f64 = 4.0;

/// Halvings of the interval in which the logit's factor lies: to a millionth.
const HALVINGS: usize = 20;

/// The share of a signal's variance that is added as a ridge, so that signals that say the same share their weight.
const RIDGE_SHARE: f64 = 0.005;

/// Newton's steps for the direction's weights: so near to even odds the likelihood is next to a parabola.
const STEPS: usize = 6;

pub(super) fn fit(
    task: Task,
    kind: CalibrationKind,
    samples: &[CalibrationSample],
) -> Option<TaskCalibration> {
    match (task.kind(), kind) {
        (TaskKind::Classes(_), _) => None,
        (TaskKind::Regression, CalibrationKind::Own) if task == Task::Volatility4Step => level(samples),
        (TaskKind::Regression, CalibrationKind::Own) => shrink(samples),
        (TaskKind::Binary, CalibrationKind::Own) => shrink_logit(samples),
        (TaskKind::Regression, CalibrationKind::Signals) if task == Task::Volatility4Step => None,
        (TaskKind::Regression, CalibrationKind::Signals) => weigh(samples, false),
        (TaskKind::Binary, CalibrationKind::Signals) => weigh(samples, true),
    }
}

/// Weights of the signals: least squares of scaled, clipped returns, or the likelihood of the direction, by Newton's method
/// from weights of zero; least squares takes one step.
fn weigh(samples: &[CalibrationSample], binary: bool) -> Option<TaskCalibration> {
    let target = |sample: &CalibrationSample| {
        if binary { sample.outcome } else { (sample.outcome / sample.scale).clamp(-CLIP, CLIP) }
    };
    let rows: Vec<(&[f64; SIGNALS], f64)> = samples
        .iter()
        .map(|sample| (&sample.signals, target(sample)))
        .filter(|(signals, target)| signals.are_known() && !target.is_nan())
        .map(|(signals, target)| (&signals.0, target))
        .collect();
    if rows.len() < NEEDED {
        return None;
    }
    let mut weights = [0.0; SIGNALS];
    for _ in 0..if binary { STEPS } else { 1 } {
        let (mut first, mut second) = ([0.0; SIGNALS], [[0.0; SIGNALS]; SIGNALS]);
        for (signals, target) in &rows {
            let told = Signals(**signals).weighted(&weights);
            let (error, curvature) = if binary {
                let up = logistic(told);
                (target - up, up * (1.0 - up))
            } else {
                (target - told, 1.0)
            };
            for (at, signal) in signals.iter().enumerate() {
                first[at] += error * signal;
                for (other, twin) in second[at].iter_mut().zip(*signals) {
                    *other += curvature * signal * twin;
                }
            }
        }
        let mut ridge = [0.0; SIGNALS];
        for at in 0..SIGNALS {
            ridge[at] = (RIDGE_SHARE * second[at][at]).max(f64::MIN_POSITIVE);
            first[at] -= ridge[at] * weights[at];
        }
        let step = cholesky::solve(&second, &first, &ridge);
        for (weight, step) in weights.iter_mut().zip(step) {
            *weight += step;
        }
    }
    weights.iter().all(|weight| weight.is_finite()).then_some(TaskCalibration::Signals { weights })
}

/// The factor with the least squared error of scaled, clipped returns.
fn shrink(samples: &[CalibrationSample]) -> Option<TaskCalibration> {
    let (mut product, mut square, mut count) = (0.0, 0.0, 0);
    for sample in samples {
        let Some(value) = sample.mean.value() else { continue };
        let (answer, outcome) = (value / sample.scale, sample.outcome / sample.scale);
        if answer.is_finite() && outcome.is_finite() {
            product += answer * outcome.clamp(-CLIP, CLIP);
            square += answer * answer;
            count += 1;
        }
    }
    let factor = if square > 0.0 { (product / square).clamp(0.0, 1.0) } else { 0.0 };
    (count >= NEEDED).then_some(TaskCalibration::Shrink { factor })
}

/// The mean of the log residual.
fn level(samples: &[CalibrationSample]) -> Option<TaskCalibration> {
    let (mut sum, mut count) = (0.0, 0);
    for sample in samples {
        let Some(value) = sample.mean.value() else { continue };
        let residual = log_volatility(sample.outcome) - log_volatility(value);
        if residual.is_finite() {
            sum += residual;
            count += 1;
        }
    }
    let offset = (sum / f64::from(count)).clamp(-LEVEL_MOST, LEVEL_MOST);
    (count as usize >= NEEDED).then_some(TaskCalibration::Level { offset })
}

/// The factor from 0 to 1 with the greatest likelihood, which is concave in it.
fn shrink_logit(samples: &[CalibrationSample]) -> Option<TaskCalibration> {
    let rows: Vec<(f64, f64)> = samples
        .iter()
        .filter_map(|sample| {
            let logit = logit(*sample.mean.probabilities()?.get(1)?);
            (logit.is_finite() && !sample.outcome.is_nan()).then_some((logit, sample.outcome))
        })
        .collect();
    if rows.len() < NEEDED {
        return None;
    }
    let slope = |factor: f64| -> f64 {
        rows.iter().map(|(logit, outcome)| (outcome - logistic(factor * logit)) * logit).sum()
    };
    let (mut low, mut high) = (0.0, 1.0);
    if slope(high) >= 0.0 {
        low = high;
    }
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if slope(middle) >= 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let factor = if slope(0.0) > 0.0 { 0.5 * (low + high) } else { 0.0 };
    Some(TaskCalibration::ShrinkLogit { factor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Random;
    use crate::{Calibration, OutcomeContext};

    fn sample(mean: Answer, outcome: f64) -> CalibrationSample {
        CalibrationSample { mean, signals: Signals([f64::NAN; SIGNALS]), scale: 0.01, outcome }
    }

    fn own(task: Task, samples: &[CalibrationSample]) -> Option<TaskCalibration> {
        fit(task, CalibrationKind::Own, samples)
    }

    fn answered(calibration: &Calibration, task: Task, mean: Answer) -> Answer {
        calibration.answer(task, mean, &Signals([0.5; SIGNALS]), &OutcomeContext::unknown())
    }

    #[test]
    fn returns_that_are_told_too_boldly_are_shrunk_by_how_much_of_them_comes_true() {
        let mut random = Random(1);
        let draw = |share: f64, random: &mut Random| -> Vec<CalibrationSample> {
            (0..40_000)
                .map(|_| {
                    let told = random.between(-0.001, 0.001);
                    sample(Answer::Value(told), share * told + random.between(-0.002, 0.002))
                })
                .collect()
        };
        for share in [0.0, 0.4, 1.0] {
            let found = own(Task::Return4Step, &draw(share, &mut random));
            let Some(TaskCalibration::Shrink { factor }) = found else { panic!("{found:?}") };
            assert!((factor - share).abs() < 0.03, "{factor} {share}");
        }
        let found = own(Task::Return4Step, &draw(-0.5, &mut random));
        assert_eq!(
            found,
            Some(TaskCalibration::Shrink { factor: 0.0 }),
            "what is always wrong is not believed"
        );
    }

    #[test]
    fn the_factor_of_the_logit_is_the_one_that_the_outcomes_follow() {
        let mut random = Random(2);
        for share in [0.0, 0.5, 1.0] {
            let samples: Vec<CalibrationSample> = (0..40_000)
                .map(|_| {
                    let told = random.between(-1.5, 1.5);
                    let up = logistic(told);
                    let came = f64::from(u8::from(random.between(0.0, 1.0) < logistic(share * told)));
                    sample(Answer::Probabilities(vec![1.0 - up, up]), came)
                })
                .collect();
            let found = own(Task::Direction4Step, &samples);
            let Some(TaskCalibration::ShrinkLogit { factor }) = found else { panic!("{found:?}") };
            assert!((factor - share).abs() < 0.03, "{factor} {share}");
        }
    }

    #[test]
    fn a_volatility_that_is_always_half_is_doubled() {
        let samples = vec![sample(Answer::Value(0.01), 0.014); 200];
        let mut calibration = Calibration::default();
        calibration.fit(Task::Volatility4Step, CalibrationKind::Own, &samples).expect("enough rows");
        let found = answered(&calibration, Task::Volatility4Step, Answer::Value(0.02));
        assert!(found.value().is_some_and(|value| (value - 0.028).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn too_little_and_classes_give_no_calibration() {
        let few = vec![sample(Answer::Value(0.01), 0.01); 99];
        let missing = vec![sample(Answer::Value(0.01), f64::NAN); 1_000];
        for samples in [&few, &missing] {
            assert_eq!(own(Task::Return1Step, samples), None);
            assert_eq!(own(Task::Volatility4Step, samples), None);
        }
        let classes = vec![sample(Answer::Probabilities(vec![0.2; 5]), 1.0); 1_000];
        assert_eq!(own(Task::DirectionMulti4Step, &classes), None);
    }

    #[test]
    fn even_odds_come_of_a_factor_of_nothing_and_both_sides_add_up() {
        let told = Answer::Probabilities(vec![0.1, 0.9]);
        let mut calibration: Calibration =
            serde_json::from_str(r#"{"direction_4step": {"shrink_logit": {"factor": 0.0}}}"#).expect("read");
        assert_eq!(calibration.problem(), None);
        let even = answered(&calibration, Task::Direction4Step, told.clone());
        assert_eq!(even, Answer::Probabilities(vec![0.5, 0.5]));
        calibration =
            serde_json::from_str(r#"{"direction_4step": {"shrink_logit": {"factor": 1.5}}}"#).expect("read");
        assert!(calibration.problem().is_some_and(|text| text.contains("out of range")));
        calibration = serde_json::from_str(r#"{"return_1step": {"level": {"offset": 0.1}}}"#).expect("read");
        assert!(calibration.problem().is_some_and(|text| text.contains("does not suit")));
        let missing = Answer::Probabilities(vec![f64::NAN; 2]);
        let sound: Calibration =
            serde_json::from_str(r#"{"direction_4step": {"shrink_logit": {"factor": 0.5}}}"#).expect("read");
        assert!(answered(&sound, Task::Direction4Step, missing).is_missing());
    }

    /// Rows whose target follows known weights of the signals, which share most of their noise.
    fn told(weights: [f64; SIGNALS], random: &mut Random, binary: bool) -> Vec<CalibrationSample> {
        (0..60_000)
            .map(|_| {
                let common = random.between(-0.3, 0.3);
                let signals = Signals([(); SIGNALS].map(|()| common + random.between(-0.3, 0.3)));
                let expected = signals.weighted(&weights);
                let outcome = if binary {
                    f64::from(u8::from(random.between(0.0, 1.0) < logistic(expected)))
                } else {
                    0.01 * (expected + random.between(-1.0, 1.0))
                };
                CalibrationSample { mean: Answer::Value(0.0), signals, scale: 0.01, outcome }
            })
            .collect()
    }

    #[test]
    fn the_weights_that_the_outcomes_follow_are_found() {
        let mut random = Random(3);
        let law = [0.3, 0.0, 0.5, -0.2, 0.1];
        for (task, binary) in [(Task::Return4Step, false), (Task::Direction4Step, true)] {
            let found = fit(task, CalibrationKind::Signals, &told(law, &mut random, binary));
            let Some(TaskCalibration::Signals { weights }) = found else { panic!("{found:?}") };
            for (weight, expected) in weights.iter().zip(law) {
                assert!((weight - expected).abs() < 0.12, "{task} {weights:?}");
            }
        }
        let unknown = vec![sample(Answer::Value(0.0), 0.01); 1_000];
        assert_eq!(fit(Task::Return4Step, CalibrationKind::Signals, &unknown), None);
        assert_eq!(fit(Task::Volatility4Step, CalibrationKind::Signals, &unknown), None);
    }

    #[test]
    fn signals_make_returns_in_their_unit_and_probabilities_that_add_up() {
        let text = r#"{"return_16step": {"signals": {"weights": [0.1, 0, 0, 0.3, 0]}},
            "direction_4step": {"signals": {"weights": [1, 0, 0, 0, 0]}}}"#;
        let calibration: Calibration = serde_json::from_str(text).expect("read");
        assert_eq!(calibration.problem(), None);
        let context = OutcomeContext { sigma: 0.002, ..OutcomeContext::unknown() };
        let signals = Signals([0.2, f64::NAN, 0.0, 0.1, 0.0]);
        let missing = calibration.answer(Task::Return16Step, Answer::Value(1.0), &signals, &context);
        assert!(missing.is_missing(), "a missing signal is seen");
        let signals = Signals([0.2, 0.0, 0.0, 0.1, 0.0]);
        let answer = calibration.answer(Task::Return16Step, Answer::Value(1.0), &signals, &context);
        assert!(answer.value().is_some_and(|value| (value - 0.05 * 0.008).abs() < 1e-15), "{answer:?}");
        let even = Answer::Probabilities(vec![0.5, 0.5]);
        let answer = calibration.answer(Task::Direction4Step, even, &signals, &context);
        let both = answer.probabilities().expect("two");
        assert!((both[1] - logistic(0.2)).abs() < 1e-15 && (both[0] + both[1] - 1.0).abs() < 1e-15);
    }
}
