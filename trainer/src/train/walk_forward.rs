//! The walk: every fold is answered by boosters that have not seen it. What calibrates, stacks and gives bands is fitted on
//! these answers, and the rounds of the final boosters are what the folds were best with.

use std::collections::BTreeMap;
use std::ops::Range;

use forecast::{
    Answer, BaselineInputs, BaselineName, Baselines, LightGbmShare, TargetTransform, Task, score,
};

use super::boosters;
use super::course::Course;
use super::folds::folds;
use super::importance::{self, BoosterGains};
use super::lesson::{Lesson, Stop};
use super::libraries::Libraries;
use super::library::Library;
use super::recipe::Effort;
use super::rounds;
use super::shares::BothMembers;
use crate::answers::{answer_width, member_answers};
use crate::dataset::Dataset;
use crate::slice::{Cut, Days, Slice};
use crate::split::Window;
use crate::trained::{Member, TrainedTask};
use crate::walk_report::{Choice, Fold, FoldReport};
use crate::{Result, TrainerError};

/// A fold with fewer rows to learn from or to answer, or fewer that have an outcome of some task, is none.
const FOLD_ROWS_LEAST: usize = 100;

/// Answers to rows that the boosters had not seen.
#[derive(Debug)]
pub(super) struct OutOfSample {
    /// The answered rows of the dataset, fold after fold.
    pub(super) rows: Vec<usize>,
    /// By task: the members' mean, weighted where they have shares, a row each.
    pub(super) means: Vec<Vec<Answer>>,
    /// By task: how much LightGBM counts in the means; without a share as much as XGBoost.
    pub(super) shares: Vec<Option<LightGbmShare>>,
    /// How a share compared with the plain mean, for every task where it could be compared.
    pub(super) share_choices: Vec<Choice>,
    /// What the features have done in every booster.
    pub(super) gains: Vec<BoosterGains>,
    /// The best baseline of each task, fitted fold by fold.
    pub(super) best_baseline: Vec<BaselineName>,
    /// By task: the rounds for LightGBM and XGBoost.
    pub(super) rounds: Vec<[usize; 2]>,
    /// What each fold was.
    pub(super) folds: Vec<FoldReport>,
}

impl OutOfSample {
    pub(super) fn inputs<'a>(&self, dataset: &'a Dataset, place: usize) -> &'a BaselineInputs {
        let row = self.rows[place];
        &dataset.inputs(row..row + 1)[0]
    }

    pub(super) fn outcome(&self, dataset: &Dataset, place: usize, task: Task) -> f64 {
        let row = self.rows[place];
        dataset.outcomes(row..row + 1)[0][task.index()]
    }
}

/// One fold's boosters with all their rounds.
struct Walked {
    report: FoldReport,
    answered: Range<usize>,
    members: [Vec<Member>; 2],
    baselines: Baselines,
}

/// The folds and what is to be learned in each.
pub(super) fn lessons(dataset: &Dataset, effort: Effort) -> Result<Vec<(Fold, Lesson)>> {
    let plan = folds(&dataset.split, effort.folds, dataset.interval);
    let mut found = Vec::with_capacity(plan.len());
    for (number, fold) in plan.iter().enumerate() {
        let (learned, answered) = (dataset.range(fold.learned), dataset.range(fold.answered));
        // A hole in the klines of all symbols may leave a fold empty, or many small ones a long horizon without an outcome; the
        // others stand for it.
        if known(dataset, &learned).min(known(dataset, &answered)) < FOLD_ROWS_LEAST {
            continue;
        }
        let name = format!("fold {} of {}", number + 1, plan.len());
        found.push((*fold, Lesson { learned, stop: Stop::Early(answered), told: None, name }));
    }
    if found.is_empty() {
        return Err(TrainerError::TooLittle {
            window: "every fold",
            rows: 0,
            needed: FOLD_ROWS_LEAST,
            remedy: "with known outcomes of every task; give it more history, or fewer folds, and see `klinecast-trainer quality` for \
                     holes"
                .to_owned(),
        });
    }
    Ok(found)
}

/// The rows that have an outcome of the task that has the fewest.
fn known(dataset: &Dataset, rows: &Range<usize>) -> usize {
    let outcomes = dataset.outcomes(rows.clone());
    let of = |task: Task| outcomes.iter().filter(|outcomes| !outcomes[task.index()].is_nan()).count();
    Task::ALL.into_iter().map(of).min().unwrap_or(0)
}

/// What is learned last: all of the training and tuning windows, for so many rounds, by task.
pub(super) fn final_lesson(dataset: &Dataset, rounds: Vec<usize>) -> Lesson {
    let whole = Window { from: dataset.split.train.from, until: dataset.split.tune.until };
    Lesson { learned: dataset.range(whole), stop: Stop::After(rounds), told: None, name: "final".to_owned() }
}

pub(super) fn walk(dataset: &Dataset, libraries: &Libraries, course: &Course<'_>) -> Result<OutOfSample> {
    let lessons = lessons(dataset, course.effort)?;
    let mut walked = Vec::with_capacity(lessons.len());
    for (fold, lesson) in lessons {
        let (learned, answered) = (lesson.learned.clone(), dataset.range(fold.answered));
        let [lightgbm, xgboost] = boosters::both(dataset, [&lesson, &lesson], course)?;
        let both = |of: fn(&Member) -> usize| -> Vec<[usize; 2]> {
            lightgbm.iter().zip(&xgboost).map(|(a, b)| [of(a), of(b)]).collect()
        };
        let (best_rounds, trained_rounds) =
            (both(|member| member.fit.rounds), both(|member| member.fit.rounds_trained));
        let rows = [learned.len(), answered.len()];
        walked.push(Walked {
            report: FoldReport { fold, rows, best_rounds, trained_rounds, skills: BTreeMap::new() },
            answered,
            members: [lightgbm, xgboost],
            baselines: Baselines::fit(dataset.samples(learned))?,
        });
    }
    let bar = course.console.spinner("answering the folds");
    let found = answer(dataset, libraries, &walked);
    bar.finish_and_clear();
    found
}

fn answer(dataset: &Dataset, libraries: &Libraries, walked: &[Walked]) -> Result<OutOfSample> {
    let rows = walked.iter().flat_map(|fold| fold.answered.clone()).collect();
    let mut found = OutOfSample {
        rows,
        means: Vec::with_capacity(Task::COUNT),
        shares: Vec::with_capacity(Task::COUNT),
        share_choices: Vec::with_capacity(Task::COUNT),
        gains: Vec::with_capacity(Task::COUNT * Library::ALL.len() * walked.len()),
        best_baseline: Vec::with_capacity(Task::COUNT),
        rounds: Vec::with_capacity(Task::COUNT),
        folds: walked.iter().map(|fold| fold.report.clone()).collect(),
    };
    for task in Task::ALL {
        let column = |of: fn(&Member) -> usize, library: usize| -> Vec<usize> {
            walked.iter().map(|fold| of(&fold.members[library][task.index()])).collect()
        };
        let best = [0, 1].map(|library| column(|member| member.fit.rounds, library));
        let trained = [0, 1].map(|library| column(|member| member.fit.rounds_trained, library));
        let mut members = BothMembers {
            task,
            width: answer_width(task),
            lightgbm: Vec::new(),
            xgboost: Vec::new(),
            outcomes: found.rows.iter().map(|row| dataset.outcomes(*row..row + 1)[0][task.index()]).collect(),
            bars: found.rows.iter().map(|row| dataset.key(*row).bar.index(dataset.interval)).collect(),
        };
        for (at, fold) in walked.iter().enumerate() {
            let rounds = [0, 1].map(|library| rounds::of_fold(&best[library], &trained[library], at));
            let one = cut(libraries, fold, task, rounds)?;
            found.gains.extend(importance::gains(libraries, &one, at)?);
            let [_, lightgbm, xgboost] = member_answers(&one, dataset, fold.answered.clone())?;
            members.lightgbm.extend(lightgbm.values);
            members.xgboost.extend(xgboost.values);
        }
        let (share, choice) = members.choose();
        let means = members.combined(share);
        let baseline = best_baseline(dataset, walked, task);
        let mut rest = means.as_slice();
        for (at, fold) in walked.iter().enumerate() {
            let (own, others) = rest.split_at(fold.answered.len());
            let skill = skill_of_fold(dataset, (at, fold), (task, baseline), own);
            found.folds[at].skills.extend(skill.map(|skill| (task, skill)));
            rest = others;
        }
        found.means.push(means);
        found.shares.push(share);
        found.share_choices.extend(choice);
        found.best_baseline.push(baseline);
        found.rounds.push([0, 1].map(|library| rounds::of_all(&best[library])));
    }
    Ok(found)
}

/// A fold's boosters of a task, cut to so many rounds.
fn cut(libraries: &Libraries, fold: &Walked, task: Task, rounds: [usize; 2]) -> Result<TrainedTask> {
    let [mut lightgbm, mut xgboost] = [0, 1].map(|library| fold.members[library][task.index()].clone());
    lightgbm.fit.file = libraries.lightgbm.library.first_rounds(&lightgbm.fit.file, rounds[0])?;
    xgboost.fit.file = libraries.xgboost.library.first_rounds(&xgboost.fit.file, rounds[1])?;
    let transform = TargetTransform::standard(task);
    let best_baseline = BaselineName::Climatology;
    Ok(TrainedTask { task, transform, best_baseline, lightgbm, xgboost, lightgbm_share: None })
}

/// A fold's answers beside a baseline that was fitted on what it learned from; `None` without rows that have both.
fn skill_of_fold(
    dataset: &Dataset,
    (at, fold): (usize, &Walked),
    (task, baseline): (Task, BaselineName),
    means: &[Answer],
) -> Option<Slice> {
    let mut days = Days::default();
    for (sample, mean) in dataset.samples(fold.answered.clone()).zip(means) {
        let outcome = sample.outcomes[task.index()];
        let answer = fold.baselines.answer(baseline, task, &sample.inputs);
        let baseline_loss = answer.map_or(f64::NAN, |answer| score::loss(task, &answer, outcome));
        days.add(sample.inputs.bar, score::loss(task, mean, outcome), baseline_loss);
    }
    days.slice(Cut::Fold(u16::try_from(at + 1).unwrap_or(u16::MAX)))
}

/// The baseline with the least loss over the answered rows for which all of the task's baselines have an answer.
fn best_baseline(dataset: &Dataset, walked: &[Walked], task: Task) -> BaselineName {
    let names = BaselineName::of(task);
    let mut sums = vec![0.0; names.len()];
    for fold in walked {
        for sample in dataset.samples(fold.answered.clone()) {
            let outcome = sample.outcomes[task.index()];
            let loss = |name: &BaselineName| match fold.baselines.answer(*name, task, &sample.inputs) {
                Some(answer) => score::loss(task, &answer, outcome),
                None => f64::NAN,
            };
            let losses: Vec<f64> = names.iter().map(loss).collect();
            if losses.iter().all(|loss| !loss.is_nan()) {
                for (sum, loss) in sums.iter_mut().zip(losses) {
                    *sum += loss;
                }
            }
        }
    }
    let best = sums.iter().zip(names).min_by(|a, b| a.0.total_cmp(b.0));
    best.map_or(BaselineName::Climatology, |(_, name)| *name)
}
