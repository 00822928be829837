//! From boosters' raw outputs to answers: the members in the outcome's unit, and the ensemble of them.

use crate::baseline::Columns;
use crate::share::combined;
use crate::{
    Answer, BaselineInputs, Bundle, OutcomeContext, Signals, SymbolRenewal, TargetTransform, Task, TaskKind,
    TaskPrediction,
};

/// What one task's boosters and their ensemble say about one row.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberAnswers {
    /// The task.
    pub task: Task,
    /// LightGBM's answer, in the outcome's unit.
    pub lightgbm: Answer,
    /// XGBoost's answer, in the outcome's unit.
    pub xgboost: Answer,
    /// The members' mean, weighted where they have shares, calibrated, or a [`Stacking`](crate::Stacking) of them.
    pub ensemble: Answer,
}

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

impl Bundle {
    /// Every task's answers to one feature row, in the order of [`Task::ALL`], with what was renewed for a symbol. `outputs` is
    /// working memory of the caller, grown once.
    #[must_use]
    pub fn answer(
        &self,
        row: &[f64],
        inputs: &BaselineInputs,
        renewal: &SymbolRenewal,
        outputs: &mut Vec<f64>,
    ) -> Vec<TaskPrediction> {
        self.score(row, outputs);
        self.combine(outputs, inputs, renewal)
    }

    /// The same for feature rows that lie one after another, each with what was known beside it: faster than row by row, and the
    /// same bits. As the bundle ships, without bands.
    pub fn answer_batch<'a>(
        &'a self,
        rows: &[f64],
        inputs: &'a [BaselineInputs],
        outputs: &'a mut Vec<f64>,
    ) -> impl Iterator<Item = Vec<TaskPrediction>> + 'a {
        self.score(rows, outputs);
        let of_row = outputs.chunks_exact(self.output_count().max(1));
        of_row.zip(inputs).map(|(outputs, inputs)| self.combine(outputs, inputs, &SymbolRenewal::default()))
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
    pub(crate) fn combine(
        &self,
        outputs: &[f64],
        inputs: &BaselineInputs,
        renewal: &SymbolRenewal,
    ) -> Vec<TaskPrediction> {
        let members = self.members(outputs, &inputs.context);
        let volatility = volatility_of(&members);
        let entries = self.manifest().tasks.iter();
        members
            .into_iter()
            .zip(entries)
            .map(|(MemberAnswers { task, lightgbm, xgboost, ensemble }, entry)| TaskPrediction {
                task,
                root_mean_square: self.root_mean_square(task, &ensemble, inputs),
                bands: renewal.bands.around(task, &ensemble, volatility),
                lightgbm,
                xgboost,
                ensemble: renewal.confidence.apply(task, ensemble),
                baselines: self.baselines().answers(task, inputs),
                compared_with: entry.best_baseline,
            })
            .collect()
    }

    fn root_mean_square(&self, task: Task, ensemble: &Answer, inputs: &BaselineInputs) -> Option<f64> {
        let forecast = ensemble.value().filter(|_| task == Task::Volatility4Step)?;
        self.variance()?.root_mean_square(forecast, &inputs.realised)
    }

    /// What the members of every task say, and the ensemble of them, from what [`Bundle::score`] wrote about a row. Of the
    /// context only `sigma` and `regime_cuts` come in.
    pub(crate) fn members(&self, outputs: &[f64], context: &OutcomeContext) -> Vec<MemberAnswers> {
        let mut answers: Vec<MemberAnswers> = Vec::with_capacity(self.manifest().tasks.len());
        for (place, entry) in self.manifest().tasks.iter().enumerate() {
            let member = |number: usize| {
                let outputs = outputs.get(self.ensemble().outputs(number)).unwrap_or_default();
                member_answer(entry.task, entry.transform, outputs, context)
            };
            let (lightgbm, xgboost) = (member(2 * place), member(2 * place + 1));
            let ensemble = combined(entry.lightgbm_share, &lightgbm, &xgboost);
            answers.push(MemberAnswers { task: entry.task, lightgbm, xgboost, ensemble });
        }
        let mean_of =
            |task: Task| answers.iter().find(|answer| answer.task == task).map(|answer| &answer.ensemble);
        let signals = Signals::of(mean_of, context);
        for answer in &mut answers {
            let mean = std::mem::replace(&mut answer.ensemble, Answer::Value(f64::NAN));
            answer.ensemble = self.calibration().answer(answer.task, mean, &signals, context);
        }
        let volatility = volatility_of(&answers);
        for answer in &mut answers {
            let mean = std::mem::replace(&mut answer.ensemble, Answer::Value(f64::NAN));
            answer.ensemble = self.stacking().answer(answer.task, mean, volatility, context);
        }
        answers
    }

    /// What the members say about feature rows in catalogue order that lie one after another, and the ensembles of them: the
    /// bits of a [`Prediction`](crate::Prediction) made from the same row. No symbol, no history: the scale of the returns
    /// is the row's own EWMA volatility, and the regime's cuts, which a row does not hold, come with each row (`None`:
    /// not known yet, so that the regime's ensemble is the mean of its members). One list a row, in the order of
    /// [`Task::ALL`]; empty if the rows are not of the catalogue's width.
    #[must_use]
    pub fn answer_rows(&self, rows: &[f64], regime_cuts: &[Option<[f64; 2]>]) -> Vec<Vec<MemberAnswers>> {
        let (width, columns) = (self.ensemble().feature_count(), Columns::standard());
        if rows.len() != width * regime_cuts.len() || width == 0 {
            return Vec::new();
        }
        let mut outputs = Vec::new();
        self.score(rows, &mut outputs);
        let count = self.output_count();
        let answer = |(at, row): (usize, &[f64])| {
            let (sigma, regime_cuts) = (columns.sigma(row), regime_cuts.get(at).copied().flatten());
            let context = OutcomeContext { sigma, regime_cuts, ..OutcomeContext::unknown() };
            self.members(outputs.get(at * count..).unwrap_or_default(), &context)
        };
        rows.chunks_exact(width).enumerate().map(answer).collect()
    }
}

/// The volatility ensemble's answer; NaN if there is none.
pub(crate) fn volatility_of(answers: &[MemberAnswers]) -> f64 {
    let found = answers.iter().find(|answer| answer.task == Task::Volatility4Step);
    found.and_then(|answer| answer.ensemble.value()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

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
