//! From boosters' raw outputs to answers: the members in the outcome's unit, and the ensemble of them.

use crate::{
    Answer, BaselineInputs, Bundle, OutcomeContext, TargetTransform, Task, TaskKind, TaskPrediction,
};

/// A booster's outputs (after its link function) as an answer in the outcome's unit: the target transform is undone,
/// a binary probability becomes two. NaN if the outputs are not as many as the task needs.
#[must_use]
pub fn member_answer(
    task: Task,
    transform: TargetTransform,
    outputs: &[f64],
    context: &OutcomeContext,
) -> Answer {
    match (task.kind(), outputs) {
        (TaskKind::Regression, [output]) => Answer::Value(transform.invert(task, *output, context)),
        (TaskKind::Regression, _) => Answer::Value(f64::NAN),
        (TaskKind::Binary, [up]) => Answer::Probabilities(vec![1.0 - up, *up]),
        (TaskKind::Classes(count), outputs) if outputs.len() == count => {
            Answer::Probabilities(outputs.to_vec())
        }
        (TaskKind::Binary | TaskKind::Classes(_), _) => {
            Answer::Probabilities(vec![f64::NAN; task.class_count()])
        }
    }
}

/// The arithmetic mean of two answers of the same task; NaN where either is missing.
#[must_use]
pub fn mean(a: &Answer, b: &Answer) -> Answer {
    let half = |x: f64, y: f64| (x + y) / 2.0;
    match (a, b) {
        (Answer::Value(x), Answer::Value(y)) => Answer::Value(half(*x, *y)),
        (Answer::Probabilities(x), Answer::Probabilities(y)) if x.len() == y.len() => {
            Answer::Probabilities(x.iter().zip(y).map(|(x, y)| half(*x, *y)).collect())
        }
        (Answer::Probabilities(x), _) | (_, Answer::Probabilities(x)) => {
            Answer::Probabilities(vec![f64::NAN; x.len()])
        }
    }
}

impl Bundle {
    /// Every task's answers to one feature row, in the order of [`Task::ALL`]. `outputs` is working memory of the
    /// caller, grown once.
    #[must_use]
    pub fn answer(
        &self,
        row: &[f64],
        inputs: &BaselineInputs,
        outputs: &mut Vec<f64>,
    ) -> Vec<TaskPrediction> {
        self.score(row, outputs);
        self.combine(outputs, inputs)
    }

    /// Asks every booster about feature rows that lie one after another: faster than row by row, and the same bits. Writes
    /// [`Bundle::output_count`] values a row.
    pub(crate) fn score(&self, rows: &[f64], outputs: &mut Vec<f64>) {
        let ensemble = self.ensemble();
        let count = rows.len() / ensemble.feature_count().max(1);
        outputs.clear();
        outputs.resize(count * ensemble.output_count(), f64::NAN);
        // Rows of another width leave the outputs missing; the bundle's check makes that impossible.
        if ensemble.predict_batch(rows, outputs).is_err() {
            outputs.fill(f64::NAN);
        }
    }

    /// How many outputs the boosters have about one row.
    pub(crate) fn output_count(&self) -> usize {
        self.ensemble().output_count()
    }

    /// Every task's answers, in the order of [`Task::ALL`], from what [`Bundle::score`] wrote about a row.
    pub(crate) fn combine(&self, outputs: &[f64], inputs: &BaselineInputs) -> Vec<TaskPrediction> {
        let mut answers: Vec<TaskPrediction> = Vec::with_capacity(self.manifest().tasks.len());
        let mut volatility = f64::NAN;
        for (place, entry) in self.manifest().tasks.iter().enumerate() {
            let member = |number: usize| {
                let outputs = outputs.get(self.ensemble().outputs(number)).unwrap_or_default();
                member_answer(entry.task, entry.transform, outputs, &inputs.context)
            };
            let (lightgbm, xgboost) = (member(2 * place), member(2 * place + 1));
            let ensemble = mean(&lightgbm, &xgboost);
            if let (Task::Volatility4Step, Answer::Value(value)) = (entry.task, &ensemble) {
                volatility = *value;
            }
            let baselines = self.baselines().answers(entry.task, inputs);
            answers.push(TaskPrediction {
                task: entry.task,
                lightgbm,
                xgboost,
                ensemble,
                baselines,
                compared_with: entry.best_baseline,
            });
        }
        for answer in &mut answers {
            let mean = std::mem::replace(&mut answer.ensemble, Answer::Value(f64::NAN));
            answer.ensemble = self.stacking().answer(answer.task, mean, volatility, &inputs.context);
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_probabilities_is_by_class_and_a_missing_member_is_seen() {
        let a = Answer::Probabilities(vec![0.25, 0.75]);
        let b = Answer::Probabilities(vec![0.75, 0.25]);
        assert_eq!(mean(&a, &b), Answer::Probabilities(vec![0.5, 0.5]));
        assert!(mean(&Answer::Value(1.0), &Answer::Value(f64::NAN)).is_missing());
    }

    #[test]
    fn outputs_become_answers_in_the_outcomes_unit() {
        let context = OutcomeContext { sigma: 0.01, ..OutcomeContext::unknown() };
        let scaled = TargetTransform::VolatilityScaledReturn { clip: 4.0 };
        let answer = member_answer(Task::Return4Step, scaled, &[0.5], &context);
        assert_eq!(answer, Answer::Value(0.5 * (0.01 * 2.0)));
        let binary = member_answer(Task::Direction4Step, TargetTransform::Identity, &[0.25], &context);
        assert_eq!(binary, Answer::Probabilities(vec![0.75, 0.25]));
        let short = member_answer(Task::VolRegime4Step, TargetTransform::Identity, &[0.25], &context);
        assert!(short.is_missing() && short.as_slice().len() == 3);
    }
}
