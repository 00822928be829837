//! Stacking (Wolpert 1992): classes that hang on volatility are answered by a small logistic model that reads the
//! members' mean and the volatility ensemble.
//!
//! A booster that is asked for the regime sees neither where the trailing cuts lie nor what the volatility boosters
//! say; both together say more than a thousand trees.

mod fit;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use fit::StackSample;

use crate::{Answer, OutcomeContext, Task, log_volatility};

/// How many numbers a stack reads.
const INPUTS: usize = 8;

/// A probability below counts as it, so that it has a logarithm.
const LEAST_PROBABILITY: f64 = 1e-6;

/// The stacks of a bundle. A task without one is answered by the mean of its members.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stacking(BTreeMap<Task, Stack>);

/// One task's multinomial logistic model: the logit of each class but the last, against the last, is a sum of weights
/// times inputs.
///
/// The inputs of the regime are the logs of the mean's three probabilities, the log of the volatility forecast minus
/// the log of either cut, the squares of both, and 1; of the five directions the logs of the five probabilities, the
/// log of the forecast minus the log of `2 sigma`, its square, and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Stack {
    weights: Vec<[f64; INPUTS]>,
}

impl Stacking {
    /// Whether a task can be stacked.
    #[must_use]
    pub const fn suits(task: Task) -> bool {
        matches!(task, Task::DirectionMulti4Step | Task::VolRegime4Step)
    }

    /// Gives a task a stack, fitted on rows that the boosters did not learn from, in their order. Without rows it
    /// answers what the mean of the members answers; `None` for a task that [`Stacking::suits`] not.
    pub fn fit(&mut self, task: Task, samples: &[StackSample]) -> Option<()> {
        let stack = fit::fit(task, samples)?;
        self.0.insert(task, stack);
        Some(())
    }

    /// The tasks that are stacked.
    pub fn tasks(&self) -> impl Iterator<Item = Task> {
        self.0.keys().copied()
    }

    /// What is wrong with a stack that was read from a file.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.0.iter().find_map(|(task, stack)| {
            if !Self::suits(*task) {
                Some(format!("stacks {task}, which is answered by the mean of its members"))
            } else if stack.weights.len() + 1 != task.class_count() {
                let (found, expected) = (stack.weights.len(), task.class_count() - 1);
                Some(format!("has {found} rows of weights for {task}, expected {expected}"))
            } else if stack.weights.iter().flatten().any(|weight| !weight.is_finite()) {
                Some(format!("has a weight for {task} that is not finite"))
            } else {
                None
            }
        })
    }

    /// What is served, given the mean of a task's members and the volatility ensemble's answer (NaN if there is none).
    /// Where the stack's inputs are missing (the cuts are not known yet), the mean.
    #[must_use]
    pub fn answer(&self, task: Task, mean: Answer, volatility: f64, context: &OutcomeContext) -> Answer {
        let stacked = self.0.get(&task).and_then(|stack| {
            let inputs = inputs(task, mean.probabilities()?, volatility, context)?;
            Some(Answer::Probabilities(stack.probabilities(&inputs)))
        });
        stacked.unwrap_or(mean)
    }
}

impl Stack {
    /// The softmax of the logits.
    fn probabilities(&self, inputs: &[f64; INPUTS]) -> Vec<f64> {
        let mut logits: Vec<f64> = self.weights.iter().map(|weights| dot(weights, inputs)).collect();
        logits.push(0.0);
        let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for logit in &mut logits {
            *logit = libm::exp(*logit - highest);
            sum += *logit;
        }
        for value in &mut logits {
            *value /= sum;
        }
        logits
    }
}

/// What a stack reads; `None` if any of it is missing.
fn inputs(task: Task, mean: &[f64], volatility: f64, context: &OutcomeContext) -> Option<[f64; INPUTS]> {
    let forecast = log_volatility(volatility);
    let log = |at: usize| mean.get(at).map_or(f64::NAN, |p| libm::log(p.max(LEAST_PROBABILITY)));
    let found = match task {
        Task::VolRegime4Step => {
            let [low, high] = context.regime_cuts?.map(|cut| forecast - log_volatility(cut));
            [log(0), log(1), log(2), low, high, low * low, high * high, 1.0]
        }
        Task::DirectionMulti4Step => {
            let ratio = forecast - log_volatility(context.expected_volatility(task.horizon_steps()));
            [log(0), log(1), log(2), log(3), log(4), ratio, ratio * ratio, 1.0]
        }
        _ => return None,
    };
    found.iter().all(|value| value.is_finite()).then_some(found)
}

fn dot(a: &[f64; INPUTS], b: &[f64; INPUTS]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> OutcomeContext {
        OutcomeContext { sigma: 0.002, regime_cuts: Some([0.002, 0.004]), ..OutcomeContext::unknown() }
    }

    fn fitted(task: Task, samples: &[StackSample]) -> Stacking {
        let mut stacking = Stacking::default();
        stacking.fit(task, samples).expect("suits");
        stacking
    }

    #[test]
    fn a_stack_without_rows_answers_the_mean() {
        for task in [Task::VolRegime4Step, Task::DirectionMulti4Step] {
            let count = task.class_count();
            let mean: Vec<f64> = (1..=count).map(|at| at as f64 / (count * (count + 1) / 2) as f64).collect();
            let stacking = fitted(task, &[]);
            assert_eq!(stacking.problem(), None);
            let answer = stacking.answer(task, Answer::Probabilities(mean.clone()), 0.003, &context());
            for (found, expected) in answer.as_slice().iter().zip(&mean) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
    }

    #[test]
    fn what_can_not_be_stacked_is_answered_by_the_mean() {
        let stacking = fitted(Task::VolRegime4Step, &[]);
        let mean = Answer::Probabilities(vec![0.25, 0.25, 0.5]);
        let unknown = OutcomeContext { regime_cuts: None, ..context() };
        for (volatility, context) in [(0.003, unknown), (f64::NAN, context())] {
            assert_eq!(stacking.answer(Task::VolRegime4Step, mean.clone(), volatility, &context), mean);
        }
        let value = Answer::Value(0.1);
        assert_eq!(stacking.answer(Task::Return1Step, value.clone(), 0.003, &context()), value);
    }

    #[test]
    fn a_stack_that_does_not_fit_its_task_is_named() {
        let read = |json: &str| serde_json::from_str::<Stacking>(json).expect("well-formed");
        let row = "[0,0,0,0,0,0,0,0]";
        let problem = |json: String| read(&json).problem().unwrap_or_default();
        assert!(problem(format!("{{\"return_1step\": [{row}]}}")).contains("stacks return_1step"));
        assert!(problem(format!("{{\"vol_regime_4step\": [{row}]}}")).contains("expected 2"));
        assert_eq!(problem(format!("{{\"vol_regime_4step\": [{row},{row}]}}")), "");
    }
}
