//! How far the probabilities of a task are believed, by what has come true: temperature scaling (Guo, Pleiss, Sun and
//! Weinberger 2017, <https://arxiv.org/abs/1706.04599>), renewed with the bands.
//!
//! Every log probability is multiplied by one factor a task. Models lose skill with age, and a factor below 1 then draws their
//! answers to even odds; one above 1 sharpens them. The factor is one step of Newton's method from 1 towards the greatest
//! likelihood of the outcomes, and the step is the shorter the fewer days it comes from. Of two classes the odds are shifted besides, by the
//! same method: how often prices rise changes over months more than the models know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Answer, Task};

/// How many tasks answer with probabilities.
const TASKS: usize = 3;

/// So many blocks without a hint weigh as much as those that came true: a few days must not turn an answer over.
const PRIOR_BLOCKS: f64 = 20.0;

/// The same for the shift, of which a month of outcomes that go together says less. Chosen on the year to 2024-09.
const SHIFT_PRIOR_BLOCKS: f64 = 60.0;

/// The greatest factor.
const MOST: f64 = 1.25;

/// The greatest shift, either way.
const SHIFT_MOST: f64 = 0.25;

/// A probability nearer to 0 counts as this near, so that it has a logarithm.
const LEAST_PROBABILITY: f64 = 1e-9;

/// How far the answers of each task that has probabilities are believed; `None` leaves the answer as it is, to the bit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Task, Belief>", into = "BTreeMap<Task, Belief>")]
pub struct Confidence([Option<Belief>; TASKS]);

/// What becomes of a task's log probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Belief {
    /// All are multiplied by it.
    pub factor: f64,
    /// What is added to that of the second of two classes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shift: f64,
}

fn is_zero(shift: &f64) -> bool {
    *shift == 0.0
}

impl Confidence {
    /// Every answer as it is.
    pub const FULL: Self = Self([None; TASKS]);

    /// How far a task's answers are believed.
    #[must_use]
    pub fn of(&self, task: Task) -> Option<Belief> {
        self.0[place(task)?]
    }

    /// Whether every answer stays as it is.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether every belief is one that can be renewed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_sound =
            |belief: &Belief| (0.0..=MOST).contains(&belief.factor) && belief.shift.abs() <= SHIFT_MOST;
        self.0.iter().flatten().all(is_sound)
    }

    /// An answer, as far as it is believed. Missing probabilities stay missing.
    #[must_use]
    pub fn apply(&self, task: Task, answer: Answer) -> Answer {
        let (Some(Belief { factor, shift }), Answer::Probabilities(probabilities)) = (self.of(task), &answer)
        else {
            return answer;
        };
        if answer.is_missing() {
            return answer;
        }
        let power = |(class, probability): (usize, &f64)| {
            let shift = if class == 1 { shift } else { 0.0 };
            libm::exp(factor * logarithm(*probability) + shift)
        };
        let powers: Vec<f64> = probabilities.iter().enumerate().map(power).collect();
        let sum: f64 = powers.iter().sum();
        Answer::Probabilities(powers.into_iter().map(|power| power / sum).collect())
    }
}

/// By task, as they are written; what is said of a task without probabilities is passed over.
impl From<BTreeMap<Task, Belief>> for Confidence {
    fn from(tasks: BTreeMap<Task, Belief>) -> Self {
        let mut found = Self::FULL;
        for (task, belief) in tasks {
            if let Some(place) = place(task) {
                found.0[place] = Some(belief);
            }
        }
        found
    }
}

impl From<Confidence> for BTreeMap<Task, Belief> {
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

/// What one block of bars says about them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConfidenceSums([Sums; TASKS]);

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// The first derivative of the log likelihood by the factor, at 1.
    slope: f64,
    /// Minus the second.
    curvature: f64,
    /// Of two classes: how often the second came true beyond what was told.
    excess: f64,
    /// The variance of that if what was told is true.
    variance: f64,
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
        if let [_, second] = probabilities {
            self.0[place].excess += outcome - second;
            self.0[place].variance += second * (1.0 - second);
        }
    }

    /// How far answers are believed by some blocks.
    pub(crate) fn renew<'a>(blocks: impl Iterator<Item = &'a Self> + Clone) -> Confidence {
        let mut found = Confidence::FULL;
        for (place, belief) in found.0.iter_mut().enumerate() {
            let told = blocks.clone().map(|block| block.0[place]).filter(|sums| sums.curvature > 0.0);
            let (mut all, mut count) = (Sums::default(), 0.0);
            for sums in told {
                all.slope += sums.slope;
                all.curvature += sums.curvature;
                all.excess += sums.excess;
                all.variance += sums.variance;
                count += 1.0;
            }
            if all.curvature > 0.0 {
                let step = all.slope / all.curvature * count / (count + PRIOR_BLOCKS);
                let shift = if all.variance > 0.0 {
                    all.excess / all.variance * count / (count + SHIFT_PRIOR_BLOCKS)
                } else {
                    0.0
                };
                let renewed = Belief {
                    factor: (1.0 + step).clamp(0.0, MOST),
                    shift: shift.clamp(-SHIFT_MOST, SHIFT_MOST),
                };
                *belief =
                    Some(renewed).filter(|belief| belief.factor.is_finite() && belief.shift.is_finite());
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
            let month = ConfidenceSums::renew(blocks(law, 30).iter())
                .of(Task::VolRegime4Step)
                .map(|belief| belief.factor);
            let expected = 1.0 + (law - 1.0) * 30.0 / (30.0 + PRIOR_BLOCKS);
            assert!(month.is_some_and(|factor| (factor - expected).abs() < 0.03), "{month:?} {expected}");
            let day = ConfidenceSums::renew(blocks(law, 1).iter()).of(Task::VolRegime4Step);
            let day = day.map(|belief| belief.factor);
            assert!(day.is_some_and(|factor| (factor - 1.0).abs() < 0.04), "{day:?}");
        }
        let wrong = ConfidenceSums::renew(blocks(-3.0, 30).iter()).of(Task::VolRegime4Step);
        assert_eq!(wrong, Some(Belief { factor: 0.0, shift: 0.0 }), "what is always wrong is not believed");
        let bold = ConfidenceSums::renew(blocks(3.0, 30).iter()).of(Task::VolRegime4Step);
        assert_eq!(bold, Some(Belief { factor: MOST, shift: 0.0 }));
    }

    #[test]
    fn the_odds_of_two_classes_are_shifted_to_how_often_each_came_true() {
        let mut random = Random(5);
        let blocks: Vec<ConfidenceSums> = (0..30)
            .map(|_| {
                let mut sums = ConfidenceSums::default();
                for _ in 0..960 {
                    let told = random.between(0.45, 0.55);
                    // The odds are exp(0.1) of what is told.
                    let odds = told / (1.0 - told) * 0.1_f64.exp();
                    let came = f64::from(u8::from(random.between(0.0, 1.0) < odds / (1.0 + odds)));
                    sums.push(Task::Direction4Step, &Answer::Probabilities(vec![1.0 - told, told]), came);
                }
                sums
            })
            .collect();
        let found = ConfidenceSums::renew(blocks.iter()).of(Task::Direction4Step).expect("a belief");
        let expected = 0.1 * 30.0 / (30.0 + SHIFT_PRIOR_BLOCKS);
        assert!((found.shift - expected).abs() < 0.01, "{found:?} {expected}");
    }

    #[test]
    fn a_factor_draws_probabilities_to_even_odds_or_sharpens_them() {
        let told = Answer::Probabilities(vec![0.2, 0.8]);
        let both = |factor, shift| {
            Confidence::from(BTreeMap::from([(Task::Direction4Step, Belief { factor, shift })]))
        };
        let with = |factor| both(factor, 0.0);
        let of = |confidence: Confidence| match confidence.apply(Task::Direction4Step, told.clone()) {
            Answer::Probabilities(both) => both,
            other => panic!("{other:?}"),
        };
        assert_eq!(of(with(0.0)), [0.5, 0.5]);
        let half = of(with(0.5));
        assert!((half[1] - 1.0 / (1.0 + 0.25_f64.sqrt())).abs() < 1e-15, "the odds' root: {half:?}");
        assert!(of(with(1.25))[1] > 0.8);
        assert_eq!(of(Confidence::FULL), [0.2, 0.8]);
        let shifted = of(both(1.0, -0.2));
        assert!(
            ((shifted[1] / shifted[0]).ln() - (4.0_f64.ln() - 0.2)).abs() < 1e-12,
            "the odds': {shifted:?}"
        );
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
        let text =
            r#"{"direction_4step":{"factor":0.8125,"shift":-0.125},"vol_regime_4step":{"factor":1.0}}"#;
        let read: Confidence = serde_json::from_str(text).expect("read");
        assert_eq!(serde_json::to_string(&read).expect("written"), text);
        assert!(read.is_sound() && read.of(Task::DirectionMulti4Step).is_none());
        for wild in [r#"{"factor":2.0}"#, r#"{"factor":1.0,"shift":0.5}"#] {
            let wild: Confidence =
                serde_json::from_str(&format!(r#"{{"direction_4step":{wild}}}"#)).expect("read");
            assert!(!wild.is_sound());
        }
    }
}
