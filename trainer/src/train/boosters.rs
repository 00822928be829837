//! Trains every task's two boosters on one range of rows, with the original libraries.

use std::ops::Range;
use std::time::Instant;

use forecast::{TargetTransform, Task};

use super::base_score::base_score;
use super::course::Course;
use super::recency;
use super::recipe::{self, Effort};
use super::single_precision;
use crate::Result;
use crate::dataset::Dataset;
use crate::fit::{
    LightGbm, LightGbmData, Matrix, Schedule, XgBoost, XgBoostData, lightgbm_path, lightgbm_version,
    xgboost_path,
};
use crate::trained::Member;

/// A library, and by which name and version boosters of it are kept.
pub(super) struct Versioned<L> {
    pub(super) library: L,
    pub(super) version: String,
}

/// The two libraries. They bring two OpenMP runtimes that must not work at the same time.
pub(super) struct Libraries {
    pub(super) lightgbm: Versioned<LightGbm>,
    pub(super) xgboost: Versioned<XgBoost>,
}

impl Libraries {
    pub(super) fn load() -> Result<Self> {
        let path = lightgbm_path()?;
        let version = format!("lightgbm {}", lightgbm_version(&path));
        let lightgbm = Versioned { library: LightGbm::load(&path)?, version };
        let xgboost = XgBoost::load(&xgboost_path()?)?;
        let version = format!("xgboost {}", xgboost.version());
        Ok(Self { lightgbm, xgboost: Versioned { library: xgboost, version } })
    }
}

/// What to learn from, and when to stop.
#[derive(Debug, Clone)]
pub(super) struct Lesson {
    /// The rows to learn from.
    pub(super) learned: Range<usize>,
    /// When to stop.
    pub(super) stop: Stop,
    /// What people are told, for example `fold 1 of 4`.
    pub(super) name: String,
}

/// When to stop adding rounds.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// When the loss on these rows has not improved for a while.
    Early(Range<usize>),
    /// After so many rounds, by task.
    After(Vec<usize>),
}

impl Lesson {
    pub(super) fn schedule(&self, task: Task, effort: Effort) -> Schedule {
        let schedule = recipe::schedule(task, effort);
        match &self.stop {
            Stop::Early(_) => schedule,
            Stop::After(rounds) => Schedule { rounds_max: rounds[task.index()], ..schedule },
        }
    }

    pub(super) fn followed(&self) -> Option<Range<usize>> {
        match &self.stop {
            Stop::Early(rows) => Some(rows.clone()),
            Stop::After(_) => None,
        }
    }
}

/// The labels and weights of a task's rows. A row without an outcome has weight 0, so all tasks share one matrix.
pub(super) fn labels(
    dataset: &Dataset,
    task: Task,
    rows: impl Iterator<Item = usize>,
) -> (Vec<f32>, Vec<f32>) {
    let transform = TargetTransform::standard(task);
    rows.map(|row| {
        let outcome = dataset.outcomes(row..row + 1)[0][task.index()];
        let target = transform.apply(task, outcome, &dataset.inputs(row..row + 1)[0].context) as f32;
        if target.is_finite() { (target, 1.0) } else { (0.0, 0.0) }
    })
    .unzip()
}

/// The labels of the rows that are learned from, and their weights by what is known of them and by their age.
pub(super) fn learned_labels(
    dataset: &Dataset,
    task: Task,
    learned: Range<usize>,
    effort: Effort,
) -> (Vec<f32>, Vec<f32>) {
    let (targets, mut weights) = labels(dataset, task, learned.clone());
    recency::weigh(dataset, effort.half_life, learned, &mut weights);
    (targets, weights)
}

/// Rows as a library has binned them, and those that the loss is followed on.
struct Binned<D, R> {
    data: D,
    followed: Option<(D, R)>,
}

/// LightGBM's boosters of some tasks, in their order; all rounds that were trained. Kept ones are taken up: the rows are binned
/// only when one is fitted.
pub(super) fn lightgbm(
    Versioned { library, version }: &Versioned<LightGbm>,
    dataset: &Dataset,
    lesson: &Lesson,
    tasks: &[Task],
    course: &Course<'_>,
) -> Result<Vec<Member>> {
    let (effort, name) = (course.effort, &lesson.name);
    let mut binned = None;
    let mut members = Vec::with_capacity(tasks.len());
    for &task in tasks {
        let parameters = recipe::lightgbm(task, effort, lesson.learned.len());
        let key = course.key(dataset, lesson, (task, version), &parameters)?;
        if let Some(member) = course.checkpoints.get(&key)? {
            members.push(member);
            continue;
        }
        let Binned { data, followed } = match &mut binned {
            Some(binned) => binned,
            none => none.insert(lightgbm_rows(library, dataset, lesson, course)?),
        };
        let started = Instant::now();
        let (targets, weights) = learned_labels(dataset, task, lesson.learned.clone(), effort);
        data.set_labels(&targets)?;
        data.set_weights(&weights)?;
        if let Some((followed, rows)) = followed {
            let (targets, weights) = labels(dataset, task, rows.clone());
            followed.set_labels(&targets)?;
            followed.set_weights(&weights)?;
        }
        let schedule = lesson.schedule(task, effort);
        let bar = course.console.bar(schedule.rounds_max, &format!("{name}: LightGBM {task}"));
        let fit = library.train(
            (&*data, followed.as_ref().map(|(followed, _)| followed)),
            recipe::loss(task),
            &parameters.clone().with("num_threads", effort.threads),
            schedule,
            &mut |_, loss| bar.advance(loss),
        )?;
        let member = Member { fit, parameters, seconds: started.elapsed().as_secs_f64() };
        course.checkpoints.put(&key, &member)?;
        members.push(member);
    }
    Ok(members)
}

fn lightgbm_rows(
    library: &LightGbm,
    dataset: &Dataset,
    lesson: &Lesson,
    course: &Course<'_>,
) -> Result<Binned<LightGbmData, Range<usize>>> {
    let names: Vec<&str> = features::Catalogue::standard().names().collect();
    let bins = recipe::lightgbm_bins(course.effort).with("num_threads", course.effort.threads);
    let bar = course.console.spinner(&format!("{}: LightGBM bins the rows", lesson.name));
    let rows = Matrix::new(dataset.values(lesson.learned.clone()), dataset.width())?;
    let data = library.data(rows, &names, &bins, None)?;
    let followed = match lesson.followed() {
        Some(rows) => {
            let values = Matrix::new(dataset.values(rows.clone()), dataset.width())?;
            Some((library.data(values, &names, &bins, Some(&data))?, rows))
        }
        None => None,
    };
    bar.finish_and_clear();
    Ok(Binned { data, followed })
}

/// XGBoost's boosters likewise. `values` gives the learned rows as XGBoost sees them; they are let go of once they are binned.
pub(super) fn xgboost(
    Versioned { library, version }: &Versioned<XgBoost>,
    dataset: &Dataset,
    values: impl FnOnce() -> Vec<f32>,
    lesson: &Lesson,
    tasks: &[Task],
    course: &Course<'_>,
) -> Result<Vec<Member>> {
    let names: Vec<&str> = features::Catalogue::standard().names().collect();
    let (effort, name) = (course.effort, &lesson.name);
    let mut values = Some(values);
    let mut binned = None;
    let mut members = Vec::with_capacity(tasks.len());
    for &task in tasks {
        let parameters = recipe::xgboost(task, effort, lesson.learned.len());
        let key = course.key(dataset, lesson, (task, version), &parameters)?;
        if let Some(member) = course.checkpoints.get(&key)? {
            members.push(member);
            continue;
        }
        let Binned { data, followed } = match &mut binned {
            Some(binned) => binned,
            none => {
                let values = values.take().map(|values| values()).unwrap_or_default();
                none.insert(xgboost_rows(library, dataset, values, lesson, course)?)
            }
        };
        let started = Instant::now();
        let (targets, weights) = learned_labels(dataset, task, lesson.learned.clone(), effort);
        data.set_labels(&targets)?;
        data.set_weights(&weights)?;
        if let Some((followed, rows)) = followed {
            let (targets, weights) = labels(dataset, task, rows.iter().copied());
            followed.set_labels(&targets)?;
            followed.set_weights(&weights)?;
        }
        let parameters = parameters.with("base_score", base_score(task, &targets, &weights));
        let schedule = lesson.schedule(task, effort);
        let bar = course.console.bar(schedule.rounds_max, &format!("{name}: XGBoost {task}"));
        let fit = library.train(
            (&*data, followed.as_ref().map(|(followed, _)| followed)),
            &names,
            recipe::loss(task),
            &parameters.clone().with("nthread", effort.threads),
            schedule,
            &mut |_, loss| bar.advance(loss),
        )?;
        let member = Member { fit, parameters, seconds: started.elapsed().as_secs_f64() };
        course.checkpoints.put(&key, &member)?;
        members.push(member);
    }
    Ok(members)
}

fn xgboost_rows(
    library: &XgBoost,
    dataset: &Dataset,
    values: Vec<f32>,
    lesson: &Lesson,
    course: &Course<'_>,
) -> Result<Binned<XgBoostData, Vec<usize>>> {
    let threads = course.effort.threads;
    let bar = course.console.spinner(&format!("{}: XGBoost bins the rows", lesson.name));
    let rows = Matrix::new(&values, dataset.width())?;
    let data = library.binned(rows, recipe::XGBOOST_BINS, threads, None)?;
    drop(values);
    // Not binned: the loss is asked for after every round, and looking a row's bins up is slow where values are missing.
    // Every second bar: neighbours say nearly the same, and XGBoost keeps eight bytes a value.
    let even = |row: &usize| dataset.key(*row).bar.index(dataset.interval).rem_euclid(2) == 0;
    let followed = match lesson.followed() {
        Some(rows) => {
            let rows: Vec<usize> = rows.filter(even).collect();
            let values: Vec<f32> = rows.iter().flat_map(|row| single_precision(dataset.row(*row))).collect();
            Some((library.data(Matrix::new(&values, dataset.width())?, threads)?, rows))
        }
        None => None,
    };
    bar.finish_and_clear();
    Ok(Binned { data, followed })
}
