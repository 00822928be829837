//! Paired tests and rank correlations, deflated for the number of trials.

use forecast::score::{Deflated, deflated_estimate, holm, sidak};
use serde::{Deserialize, Serialize};

use super::{Evaluation, TaskEvaluation};

/// Standard errors from the middle of a normal 95 % interval to its ends.
const ERRORS_TO_END: f64 = 1.959_963_984_540_054;

/// The p of a paired test, of which a small one says that the first model is better, after what was tried is counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeflatedTest {
    /// How many models of the task were tried, this one included.
    pub trials: u32,
    /// Of the least p of so many (Šidák).
    pub p_better: f64,
    /// The same for all tasks together (Holm).
    pub p_better_of_all: f64,
}

/// Fills in what is deflated, of every task.
pub(super) fn deflate(evaluation: &mut Evaluation) {
    let single: Vec<f64> = evaluation
        .tasks
        .iter()
        .map(|task| task.paired.map_or(f64::NAN, |test| sidak(test.p_better, evaluation.tried.of(task.task))))
        .collect();
    let together = holm(&single);
    for (task, (p_better, p_better_of_all)) in
        evaluation.tasks.iter_mut().zip(single.into_iter().zip(together))
    {
        let trials = evaluation.tried.of(task.task);
        task.deflated = p_better.is_finite().then_some(DeflatedTest { trials, p_better, p_better_of_all });
        task.deflated_ic = rank_correlation(task, trials);
    }
}

/// The rank correlation's error is taken from its interval.
fn rank_correlation(task: &TaskEvaluation, trials: u32) -> Option<Deflated> {
    let figure = task.figure("ensemble", "ic")?;
    let error = (figure.high - figure.low) / (2.0 * ERRORS_TO_END);
    (error > 0.0).then(|| deflated_estimate(figure.value, error, trials))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use forecast::score::{PairedTest, expected_maximum};
    use forecast::{BaselineName, Metric, ModelMetrics, Task};

    use super::*;
    use crate::looks::Tried;

    fn task(task: Task, p_better: Option<f64>) -> TaskEvaluation {
        let test = |p_better: f64| PairedTest {
            difference: -1.0,
            statistic: -2.0,
            days: 90,
            lags: 3,
            p_better,
            p_worse: 1.0 - p_better,
        };
        let values =
            [("ic", 0.03), ("ic_low", 0.03 - 0.01 * ERRORS_TO_END), ("ic_high", 0.03 + 0.01 * ERRORS_TO_END)];
        let values = values.map(|(name, value)| (name.to_owned(), Metric(value))).into();
        TaskEvaluation {
            task,
            rows: 9,
            best_baseline: BaselineName::Zero,
            models: vec![ModelMetrics { model: "ensemble".to_owned(), values }],
            paired: p_better.map(test),
            block_days: None,
            deflated: None,
            deflated_ic: None,
            slices: Vec::new(),
            reliability: Vec::new(),
        }
    }

    #[test]
    fn each_task_is_deflated_by_its_own_trials_and_all_together() {
        let tried = Tried { other_models: 1, shapes: BTreeMap::from([(Task::Return4Step, 9)]) };
        let tasks = vec![
            task(Task::Return1Step, Some(0.01)),
            task(Task::Return4Step, Some(0.001)),
            task(Task::Return16Step, None),
        ];
        let mut evaluation =
            Evaluation { tasks, coverage: Vec::new(), net_values: Vec::new(), alarms: Vec::new(), tried };
        deflate(&mut evaluation);
        let [first, second, third] = [0, 1, 2].map(|place| evaluation.tasks[place].deflated);
        let (first, second) = (first.expect("a test"), second.expect("a test"));
        assert_eq!((first.trials, second.trials, third), (2, 10, None));
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        close(first.p_better, 1.0 - 0.99_f64.powi(2));
        close(second.p_better, 1.0 - 0.999_f64.powi(10));
        close(second.p_better_of_all, 2.0 * second.p_better);
        close(first.p_better_of_all, first.p_better.max(second.p_better_of_all));
        let ic = evaluation.tasks[1].deflated_ic.expect("a rank correlation");
        close(ic.hurdle, 0.01 * expected_maximum(10));
        assert!(ic.probability > 0.9 && ic.probability < 0.95, "{ic:?}");
    }

    #[test]
    fn what_was_evaluated_before_there_was_deflation_is_still_read() {
        let mut value = serde_json::to_value(task(Task::Return1Step, Some(0.01))).expect("JSON");
        let fields = value.as_object_mut().expect("fields");
        assert!(fields.remove("deflated").is_some() && fields.remove("deflated_ic").is_some());
        let read: TaskEvaluation = serde_json::from_value(value).expect("as it was");
        assert_eq!(read, task(Task::Return1Step, Some(0.01)));
    }
}
