//! What turns the boosters' answers into what is served: calibrations, stacks and bands, fitted on the walk's answers.
//!
//! Whether a calibration or a stack is kept is decided by the last third of the walk, which its trial fit has not seen; what
//! is kept is fitted again on all of it.

use std::ops::Range;

use forecast::{
    Answer, BandScores, Bands, Calibration, CalibrationKind, CalibrationSample, OutcomeContext, Signals,
    StackSample, Stacking, Task, TaskKind, VarianceModel, VarianceSample, has_bands, renewal_block, score,
};

use super::walk_forward::OutOfSample;
use crate::dataset::Dataset;
use crate::served::Served;
use crate::walk_report::{Choice, Coverage};

/// What is fitted on the walk's answers.
#[derive(Debug)]
pub(super) struct Combination {
    pub(super) calibration: Calibration,
    pub(super) stacking: Stacking,
    pub(super) bands: Bands,
    pub(super) variance: Option<VarianceModel>,
    /// The factor on volatility forecasts that is best for QLIKE: the root of the mean of `(outcome/answer)^2`.
    pub(super) variance_factor: f64,
    pub(super) choices: Vec<Choice>,
    pub(super) coverage: Vec<Coverage>,
}

pub(super) fn combine(dataset: &Dataset, walk: &OutOfSample) -> Combination {
    let all = 0..walk.rows.len();
    let cut = all.end * 2 / 3;
    let (early, late) = (0..cut, cut..all.end);
    let walk = Walk { dataset, walk };
    let mut choices = Vec::new();
    let mut calibration = Calibration::default();
    for task in Task::ALL {
        let tried = CalibrationKind::ALL.into_iter().filter_map(|kind| {
            let mut trial = Calibration::default();
            trial.fit(task, kind, &walk.calibration_samples(task, early.clone()))?;
            let what = format!("calibration by {}", kind.name());
            let plain = |place: usize| walk.mean(task, place);
            let choice =
                walk.judge(task, what, late.clone(), plain, |place| walk.calibrated(&trial, task, place))?;
            Some((kind, choice))
        });
        let mut tried: Vec<(CalibrationKind, Choice)> = tried.collect();
        // The better one of those that are better than none.
        let best = tried.iter().map(|(_, choice)| choice.loss_with).fold(f64::INFINITY, f64::min);
        for (kind, choice) in &mut tried {
            choice.kept &= choice.loss_with <= best;
            if choice.kept {
                calibration.fit(task, *kind, &walk.calibration_samples(task, all.clone()));
            }
        }
        choices.extend(tried.into_iter().map(|(_, choice)| choice));
    }
    let volatility = |place: usize| {
        walk.calibrated(&calibration, Task::Volatility4Step, place).value().unwrap_or(f64::NAN)
    };
    let mut stacking = Stacking::default();
    for task in Task::ALL.into_iter().filter(|task| Stacking::suits(*task)) {
        let mut trial = Stacking::default();
        trial.fit(task, &walk.stack_samples(task, early.clone(), volatility));
        let plain = |place: usize| walk.mean(task, place);
        let choice = walk.judge(task, "stacking".to_owned(), late.clone(), plain, |place| {
            trial.answer(task, walk.mean(task, place), volatility(place), walk.context(place))
        });
        if choice.as_ref().is_some_and(|choice| choice.kept) {
            stacking.fit(task, &walk.stack_samples(task, all.clone(), volatility));
        }
        choices.extend(choice);
    }
    let late_from = late.start;
    let coverage = walk.coverage(early, late, &calibration, volatility);
    let bands = Bands::fit(&walk.band_scores(all, &calibration, volatility));
    choices.extend(walk.renewal(late_from, &calibration, &stacking, &bands));
    let squares = walk.variance_samples(volatility);
    let (variance, variance_choice) = variance(&squares, late_from);
    choices.extend(variance_choice);
    Combination {
        variance_factor: VarianceModel::factor(&squares).unwrap_or(f64::NAN),
        variance,
        calibration,
        stacking,
        bands,
        choices,
        coverage,
    }
}

struct Walk<'a> {
    dataset: &'a Dataset,
    walk: &'a OutOfSample,
}

impl Walk<'_> {
    fn mean(&self, task: Task, place: usize) -> Answer {
        self.walk.means[task.index()][place].clone()
    }

    fn signals(&self, place: usize) -> Signals {
        Signals::of(|task| Some(&self.walk.means[task.index()][place]), self.context(place))
    }

    fn calibrated(&self, calibration: &Calibration, task: Task, place: usize) -> Answer {
        calibration.answer(task, self.mean(task, place), &self.signals(place), self.context(place))
    }

    fn context(&self, place: usize) -> &OutcomeContext {
        &self.walk.inputs(self.dataset, place).context
    }

    fn outcome(&self, task: Task, place: usize) -> f64 {
        self.walk.outcome(self.dataset, place, task)
    }

    fn calibration_samples(&self, task: Task, places: Range<usize>) -> Vec<CalibrationSample> {
        let sample = |place| CalibrationSample {
            mean: self.mean(task, place),
            signals: self.signals(place),
            scale: self.context(place).expected_volatility(task.horizon_steps()),
            outcome: self.outcome(task, place),
        };
        places.map(sample).collect()
    }

    /// The rows of every bar whose outcomes don't overlap with those of the bar before in the sample: more would cost time
    /// and say little.
    fn stack_samples(
        &self,
        task: Task,
        places: Range<usize>,
        volatility: impl Fn(usize) -> f64,
    ) -> Vec<StackSample> {
        let horizon = i64::from(task.horizon_steps());
        let bar = |place: usize| self.dataset.key(self.walk.rows[place]).bar.index(self.dataset.interval);
        let sample = |place| StackSample {
            mean: self.mean(task, place),
            volatility: volatility(place),
            context: *self.context(place),
            outcome: self.outcome(task, place),
        };
        places.filter(|place| bar(*place).rem_euclid(horizon) == 0).map(sample).collect()
    }

    fn judge(
        &self,
        task: Task,
        what: String,
        places: Range<usize>,
        without: impl Fn(usize) -> Answer,
        with: impl Fn(usize) -> Answer,
    ) -> Option<Choice> {
        let (mut sums, mut count) = ([0.0; 2], 0_u32);
        for place in places {
            let outcome = self.outcome(task, place);
            let losses = [without(place), with(place)].map(|answer| score::loss(task, &answer, outcome));
            if losses.iter().all(|loss| !loss.is_nan()) {
                sums = [sums[0] + losses[0], sums[1] + losses[1]];
                count += 1;
            }
        }
        let [loss_without, loss_with] = sums.map(|sum| sum / f64::from(count));
        Choice { task, what, loss_without, loss_with, kept: loss_with < loss_without }.if_judged()
    }

    /// Losses on the last third with and without the renewal of confidence, over all of which the served answers are made.
    fn renewal(
        &self,
        late_from: usize,
        calibration: &Calibration,
        stacking: &Stacking,
        bands: &Bands,
    ) -> Vec<Choice> {
        let mut served = Served::new(bands);
        let (mut losses, mut counts) = ([[0.0; 2]; Task::COUNT], [0_u32; Task::COUNT]);
        for (place, row) in self.walk.rows.iter().enumerate() {
            let key = self.dataset.key(*row);
            let mut answers = Task::ALL.map(|task| self.calibrated(calibration, task, place));
            let volatility = answers[Task::Volatility4Step.index()].value().unwrap_or(f64::NAN);
            for (task, answer) in Task::ALL.into_iter().zip(&mut answers) {
                *answer = stacking.answer(task, answer.clone(), volatility, self.context(place));
            }
            let outcomes = Task::ALL.map(|task| self.outcome(task, place));
            let before = answers.clone();
            let block = renewal_block(key.bar, self.dataset.interval);
            served.take((self.dataset.symbol(*row), block), &mut answers, &outcomes, |_, _, _| ());
            for task in Task::ALL.into_iter().filter(|_| place >= late_from) {
                let at = task.index();
                let both = [&before[at], &answers[at]].map(|answer| score::loss(task, answer, outcomes[at]));
                if both.iter().all(|loss| !loss.is_nan()) {
                    losses[at] = [losses[at][0] + both[0], losses[at][1] + both[1]];
                    counts[at] += 1;
                }
            }
        }
        let classes = Task::ALL.into_iter().filter(|task| task.kind() != TaskKind::Regression);
        let choice = |task: Task| {
            let [loss_without, loss_with] =
                losses[task.index()].map(|sum| sum / f64::from(counts[task.index()]));
            Choice { task, what: "renewal".to_owned(), loss_without, loss_with, kept: true }.if_judged()
        };
        classes.filter_map(choice).collect()
    }

    fn band_scores(
        &self,
        places: Range<usize>,
        calibration: &Calibration,
        volatility: impl Fn(usize) -> f64,
    ) -> BandScores {
        let mut scores = BandScores::new();
        for place in places {
            let symbol = self.dataset.symbols[usize::from(self.dataset.key(self.walk.rows[place]).symbol)];
            for task in Task::ALL.into_iter().filter(|task| has_bands(*task)) {
                let answer = self.calibrated(calibration, task, place).value().unwrap_or(f64::NAN);
                scores.push(symbol, task, answer, volatility(place), self.outcome(task, place));
            }
        }
        scores
    }

    fn coverage(
        &self,
        early: Range<usize>,
        late: Range<usize>,
        calibration: &Calibration,
        volatility: impl Fn(usize) -> f64,
    ) -> Vec<Coverage> {
        let bands = Bands::fit(&self.band_scores(early, calibration, &volatility));
        let of: Vec<_> = self.dataset.symbols.iter().map(|symbol| bands.of(*symbol)).collect();
        let mut found = Vec::new();
        for task in Task::ALL.into_iter().filter(|task| has_bands(*task)) {
            let mut counts = [[0_u32; 2]; forecast::BAND_LEVELS.len()];
            for place in late.clone() {
                let symbol = usize::from(self.dataset.key(self.walk.rows[place]).symbol);
                let answer = self.calibrated(calibration, task, place);
                let bands = of[symbol].around(task, &answer, volatility(place));
                for (counts, band) in counts.iter_mut().zip(bands) {
                    if let Some(held) = band.holds(self.outcome(task, place)) {
                        *counts = [counts[0] + u32::from(held), counts[1] + 1];
                    }
                }
            }
            let levels = forecast::BAND_LEVELS.into_iter().zip(counts).filter(|(_, [_, count])| *count > 0);
            found.extend(levels.map(|(level, [held, count])| Coverage {
                task,
                level,
                share: f64::from(held) / f64::from(count),
            }));
        }
        found
    }

    fn variance_samples(&self, volatility: impl Fn(usize) -> f64) -> Vec<VarianceSample> {
        let sample = |place| VarianceSample {
            forecast: volatility(place),
            realised: self.walk.inputs(self.dataset, place).realised,
            outcome: self.outcome(Task::Volatility4Step, place),
        };
        (0..self.walk.rows.len()).map(sample).collect()
    }
}

/// What the squared volatility is expected by: the model if it was better on the last third than one factor, both fitted on
/// the rest; else the factor.
fn variance(samples: &[VarianceSample], late_from: usize) -> (Option<VarianceModel>, Option<Choice>) {
    let (early, late) = samples.split_at(late_from);
    let loss = |trial: Option<VarianceModel>| {
        let of = |sample: &VarianceSample| {
            let expected = trial?.root_mean_square(sample.forecast, &sample.realised)?;
            Some(score::qlike(expected, sample.outcome)).filter(|loss| !loss.is_nan())
        };
        let losses: Vec<f64> = late.iter().filter_map(of).collect();
        losses.iter().sum::<f64>() / losses.len() as f64
    };
    let [loss_without, loss_with] = [VarianceModel::constant(early), VarianceModel::fit(early)].map(loss);
    let kept = loss_with < loss_without;
    let whole = if kept { VarianceModel::fit(samples) } else { VarianceModel::constant(samples) };
    let what = "root mean square by what was realised".to_owned();
    (whole, Choice { task: Task::Volatility4Step, what, loss_without, loss_with, kept }.if_judged())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose outcome is what was realised over the last week, by turns three values, whatever was forecast.
    fn samples(count: usize) -> Vec<VarianceSample> {
        let sample = |turn: usize| {
            let week = [0.002, 0.004, 0.008][turn % 3];
            VarianceSample { forecast: 0.008, realised: [f64::NAN, f64::NAN, week], outcome: 2.0 * week }
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn what_was_realised_is_asked_where_that_is_better_on_the_last_third() {
        let samples = samples(900);
        let (model, choice) = variance(&samples, 600);
        let choice = choice.expect("judged");
        assert!(choice.kept && choice.loss_with < choice.loss_without, "{choice:?}");
        assert_eq!(model, VarianceModel::fit(&samples), "of all of the walk");
    }

    #[test]
    fn what_was_true_of_the_first_two_thirds_only_is_not_kept() {
        let mut samples = samples(900);
        for (turn, sample) in samples.iter_mut().enumerate().skip(600) {
            sample.outcome = [0.016, 0.008, 0.004][turn % 3];
        }
        let (model, choice) = variance(&samples, 600);
        assert!(!choice.expect("judged").kept);
        assert_eq!(model, VarianceModel::constant(&samples));
    }

    #[test]
    fn a_last_third_without_volatility_judges_nothing_and_leaves_the_factor() {
        let mut samples = samples(900);
        samples[600..].iter_mut().for_each(|sample| sample.outcome = f64::NAN);
        let (model, choice) = variance(&samples, 600);
        assert!(choice.is_none(), "{choice:?}");
        assert_eq!(model, VarianceModel::constant(&samples[..600]));
        samples.iter_mut().for_each(|sample| sample.outcome = f64::NAN);
        assert_eq!(variance(&samples, 600).0, None);
    }
}
