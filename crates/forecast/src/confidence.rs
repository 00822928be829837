//! How far the probabilities of a task are believed, by what has come true: temperature scaling (Guo, Pleiss, Sun and
//! Weinberger 2017, <https://arxiv.org/abs/1706.04599>), renewed with the bands.
//!
//! Every log probability is multiplied by one factor a task. Models lose skill with age, and a factor below 1 then draws their
//! answers to even odds; one above 1 sharpens them. The factor is one step of Newton's method from 1 towards the greatest
//! likelihood of the outcomes, and the step is the shorter the fewer days it comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Answer, Task};

/// How many tasks answer with probabilities.
const TASKS: usize = 3;

/// So many blocks without a hint weigh as much as those that came true: a few days must not turn an answer over.
const PRIOR_BLOCKS: f64 = 20.0;

/// The greatest factor.
const MOST: f64 = 1.25;

/// A probability nearer to 0 counts as this near, so that it has a logarithm.
const LEAST_PROBABILITY: f64 = 1e-9;

/// A factor on the log probabilities of each task that has them; `None` leaves the answer as it is, to the bit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Task, f64>", into = "BTreeMap<Task, f64>")]
pub struct Confidence([Option<f64>; TASKS]);

impl Confidence {
    /// Every answer as it is.
    pub const FULL: Self = Self([None; TASKS]);

    /// A task's factor.
    #[must_use]
    pub fn of(&self, task: Task) -> Option<f64> {
        self.0[place(task)?]
    }

    /// Whether there is no factor.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether every factor is one that can be renewed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.0.iter().flatten().all(|factor| (0.0..=MOST).contains(factor))
    }

    /// An answer, as far as it is believed. Missing probabilities stay missing.
    #[must_use]
    pub fn apply(&self, task: Task, answer: Answer) -> Answer {
        let (Some(factor), Answer::Probabilities(probabilities)) = (self.of(task), &answer) else {
            return answer;
        };
        if answer.is_missing() {
            return answer;
        }
        let powers: Vec<f64> =
            probabilities.iter().map(|probability| libm::exp(factor * logarithm(*probability))).collect();
        let sum: f64 = powers.iter().sum();
        Answer::Probabilities(powers.into_iter().map(|power| power / sum).collect())
    }
}

/// By task, as they are written; what is said of a task without probabilities is passed over.
impl From<BTreeMap<Task, f64>> for Confidence {
    fn from(tasks: BTreeMap<Task, f64>) -> Self {
        let mut found = Self::FULL;
        for (task, factor) in tasks {
            if let Some(place) = place(task) {
                found.0[place] = Some(factor);
            }
        }
        found
    }
}

impl From<Confidence> for BTreeMap<Task, f64> {
    fn from(confidence: Confidence) -> Self {
        TASKS_IN_ORDER.into_iter().filter_map(|task| Some((task, confidence.of(task)?))).collect()
    }
}

/// The tasks with probabilities, in the order of their places.
const TASKS_IN_ORDER: [Task; TASKS] = [Task::Direction4Step, Task::DirectionMulti4Step, Task::VolRegime4Step];

fn place(task: Task) -> Option<usize> {
    TASKS_IN_ORDER.iter().position(|of_place| *of_place == task)
}

fn logarithm(probability: f64) -> f64 {
    libm::log(probability.max(LEAST_PROBABILITY))
}

/// What one block of bars says about the factors.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConfidenceSums([Sums; TASKS]);

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// The first derivative of the log likelihood by the factor, at 1.
    slope: f64,
    /// Minus the second.
    curvature: f64,
}

impl ConfidenceSums {
    /// Takes an answer, before any factor, and the class that came true. What is missing is passed over.
    pub(crate) fn push(&mut self, task: Task, answer: &Answer, outcome: f64) {
        let Some((place, probabilities)) = place(task).zip(answer.probabilities()) else { return };
        if outcome.is_nan() || answer.is_missing() {
            return;
        }
        let Some(came) = probabilities.get(outcome as usize) else { return };
        let (mut mean, mut square) = (0.0, 0.0);
        for probability in probabilities {
            let logarithm = logarithm(*probability);
            mean += probability * logarithm;
            square += probability * logarithm * logarithm;
        }
        self.0[place].slope += logarithm(*came) - mean;
        self.0[place].curvature += square - mean * mean;
    }

    /// The factors by some blocks.
    pub(crate) fn renew<'a>(blocks: impl Iterator<Item = &'a Self> + Clone) -> Confidence {
        let mut found = Confidence::FULL;
        for (place, factor) in found.0.iter_mut().enumerate() {
            let told = blocks.clone().map(|block| block.0[place]).filter(|sums| sums.curvature > 0.0);
            let (mut slope, mut curvature, mut count) = (0.0, 0.0, 0.0);
            for sums in told {
                slope += sums.slope;
                curvature += sums.curvature;
                count += 1.0;
            }
            if curvature > 0.0 {
                let step = slope / curvature * count / (count + PRIOR_BLOCKS);
                *factor = Some((1.0 + step).clamp(0.0, MOST)).filter(|factor| factor.is_finite());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Random;

    /// What comes true follows the log probabilities of 3 classes times `law`.
    fn blocks(law: f64, count: usize) -> Vec<ConfidenceSums> {
        let mut random = Random(11);
        let block = |_| {
            let mut sums = ConfidenceSums::default();
            for _ in 0..960 {
                let scores = [(); 3].map(|()| random.between(-0.6, 0.6));
                let share = |factor: f64| {
                    let powers = scores.map(|score| (factor * score).exp());
                    powers.map(|power| power / powers.iter().sum::<f64>())
                };
                let (told, truth, draw) = (share(1.0), share(law), random.between(0.0, 1.0));
                let class = if draw < truth[0] { 0.0 } else { 1.0 + f64::from(draw >= truth[0] + truth[1]) };
                sums.push(Task::VolRegime4Step, &Answer::Probabilities(told.to_vec()), class);
            }
            sums
        };
        (0..count).map(block).collect()
    }

    #[test]
    fn the_factor_goes_to_the_one_that_outcomes_follow_as_days_come_true() {
        for law in [0.6, 1.0, 1.2] {
            let month = ConfidenceSums::renew(blocks(law, 30).iter()).of(Task::VolRegime4Step);
            let expected = 1.0 + (law - 1.0) * 30.0 / (30.0 + PRIOR_BLOCKS);
            assert!(month.is_some_and(|factor| (factor - expected).abs() < 0.03), "{month:?} {expected}");
            let day = ConfidenceSums::renew(blocks(law, 1).iter()).of(Task::VolRegime4Step);
            assert!(day.is_some_and(|factor| (factor - 1.0).abs() < 0.04), "{day:?}");
        }
        let wrong = ConfidenceSums::renew(blocks(-3.0, 30).iter()).of(Task::VolRegime4Step);
        assert_eq!(wrong, Some(0.0), "what is always wrong is not believed");
        let bold = ConfidenceSums::renew(blocks(3.0, 30).iter()).of(Task::VolRegime4Step);
        assert_eq!(bold, Some(MOST));
    }

    #[test]
    fn a_factor_draws_probabilities_to_even_odds_or_sharpens_them() {
        let told = Answer::Probabilities(vec![0.2, 0.8]);
        let with = |factor| Confidence::from(BTreeMap::from([(Task::Direction4Step, factor)]));
        let of = |confidence: Confidence| match confidence.apply(Task::Direction4Step, told.clone()) {
            Answer::Probabilities(both) => both,
            other => panic!("{other:?}"),
        };
        assert_eq!(of(with(0.0)), [0.5, 0.5]);
        let half = of(with(0.5));
        assert!((half[1] - 1.0 / (1.0 + 0.25_f64.sqrt())).abs() < 1e-15, "the odds' root: {half:?}");
        assert!(of(with(1.25))[1] > 0.8);
        assert_eq!(of(Confidence::FULL), [0.2, 0.8]);
        let other = with(0.5).apply(Task::Return4Step, Answer::Value(0.01));
        assert_eq!(other, Answer::Value(0.01));
        let missing = Answer::Probabilities(vec![f64::NAN; 2]);
        assert!(with(0.5).apply(Task::Direction4Step, missing).is_missing());
        let certain = with(0.5).apply(Task::Direction4Step, Answer::Probabilities(vec![0.0, 1.0]));
        assert!(certain.as_slice().iter().all(|probability| probability.is_finite()));
    }

    #[test]
    fn what_is_missing_says_nothing() {
        let mut sums = ConfidenceSums::default();
        let told = Answer::Probabilities(vec![0.2, 0.8]);
        sums.push(Task::Direction4Step, &told, f64::NAN);
        sums.push(Task::Direction4Step, &told, 2.0);
        sums.push(Task::Direction4Step, &Answer::Probabilities(vec![f64::NAN; 2]), 1.0);
        sums.push(Task::Return4Step, &Answer::Value(0.1), 0.1);
        assert!(ConfidenceSums::renew([sums].iter()).is_full());
    }

    #[test]
    fn factors_come_back_from_json_and_one_out_of_range_is_seen() {
        let text = r#"{"direction_4step":0.8125}"#;
        let read: Confidence = serde_json::from_str(text).expect("read");
        assert_eq!(serde_json::to_string(&read).expect("written"), text);
        assert!(read.is_sound() && read.of(Task::VolRegime4Step).is_none());
        let wild: Confidence = serde_json::from_str(r#"{"direction_4step":2.0}"#).expect("read");
        assert!(!wild.is_sound());
    }
}
