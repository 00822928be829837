//! Trains every task's two boosters on one range of rows, with the original libraries.

use std::ops::Range;
use std::time::Instant;

use forecast::{TargetTransform, Task};

use super::base_score::base_score;
use super::recipe::{self, Effort};
use super::single_precision;
use crate::Result;
use crate::console::Console;
use crate::dataset::Dataset;
use crate::fit::{LightGbm, Matrix, Schedule, XgBoost, lightgbm_path, xgboost_path};
use crate::trained::Member;

/// The two libraries. They bring two OpenMP runtimes that must not work at the same time.
pub(super) struct Libraries {
    pub(super) lightgbm: LightGbm,
    pub(super) xgboost: XgBoost,
}

impl Libraries {
    pub(super) fn load() -> Result<Self> {
        Ok(Self { lightgbm: LightGbm::load(&lightgbm_path()?)?, xgboost: XgBoost::load(&xgboost_path()?)? })
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
    fn schedule(&self, task: Task, effort: Effort) -> Schedule {
        let schedule = recipe::schedule(task, effort);
        match &self.stop {
            Stop::Early(_) => schedule,
            Stop::After(rounds) => Schedule { rounds_max: rounds[task.index()], ..schedule },
        }
    }

    fn followed(&self) -> Option<Range<usize>> {
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

/// LightGBM's boosters, in the order of [`Task::ALL`]; all rounds that were trained.
pub(super) fn lightgbm(
    library: &LightGbm,
    dataset: &Dataset,
    lesson: &Lesson,
    effort: Effort,
    console: &Console,
) -> Result<Vec<Member>> {
    let names: Vec<&str> = features::Catalogue::standard().names().collect();
    let bins = recipe::lightgbm_bins(effort).with("num_threads", effort.threads);
    let name = &lesson.name;
    let bar = console.spinner(&format!("{name}: LightGBM bins the rows"));
    let rows = Matrix::new(dataset.values(lesson.learned.clone()), dataset.width())?;
    let mut data = library.data(rows, &names, &bins, None)?;
    let mut followed = match lesson.followed() {
        Some(rows) => {
            let values = Matrix::new(dataset.values(rows.clone()), dataset.width())?;
            Some((library.data(values, &names, &bins, Some(&data))?, rows))
        }
        None => None,
    };
    bar.finish_and_clear();
    let mut members = Vec::with_capacity(Task::COUNT);
    for task in Task::ALL {
        let started = Instant::now();
        let (targets, weights) = labels(dataset, task, lesson.learned.clone());
        data.set_labels(&targets)?;
        data.set_weights(&weights)?;
        if let Some((followed, rows)) = &mut followed {
            let (targets, weights) = labels(dataset, task, rows.clone());
            followed.set_labels(&targets)?;
            followed.set_weights(&weights)?;
        }
        let parameters = recipe::lightgbm(task, effort, lesson.learned.len());
        let schedule = lesson.schedule(task, effort);
        let bar = console.bar(schedule.rounds_max, &format!("{name}: LightGBM {task}"));
        let fit = library.train(
            (&data, followed.as_ref().map(|(followed, _)| followed)),
            recipe::loss(task),
            &parameters.clone().with("num_threads", effort.threads),
            schedule,
            &mut |_, loss| bar.advance(loss),
        )?;
        members.push(Member { fit, parameters, seconds: started.elapsed().as_secs_f64() });
    }
    Ok(members)
}

/// XGBoost's boosters likewise. `values` are the learned rows as XGBoost sees them, let go of once they are binned.
pub(super) fn xgboost(
    library: &XgBoost,
    dataset: &Dataset,
    values: Vec<f32>,
    lesson: &Lesson,
    effort: Effort,
    console: &Console,
) -> Result<Vec<Member>> {
    let names: Vec<&str> = features::Catalogue::standard().names().collect();
    let name = &lesson.name;
    let bar = console.spinner(&format!("{name}: XGBoost bins the rows"));
    let rows = Matrix::new(&values, dataset.width())?;
    let mut data = library.binned(rows, recipe::XGBOOST_BINS, effort.threads, None)?;
    drop(values);
    // Not binned: the loss is asked for after every round, and looking a row's bins up is slow where values are missing.
    // Every second bar: neighbours say nearly the same, and XGBoost keeps eight bytes a value.
    let even = |row: &usize| dataset.key(*row).bar.index(dataset.interval).rem_euclid(2) == 0;
    let mut followed = match lesson.followed() {
        Some(rows) => {
            let rows: Vec<usize> = rows.filter(even).collect();
            let values: Vec<f32> = rows.iter().flat_map(|row| single_precision(dataset.row(*row))).collect();
            Some((library.data(Matrix::new(&values, dataset.width())?, effort.threads)?, rows))
        }
        None => None,
    };
    bar.finish_and_clear();
    let mut members = Vec::with_capacity(Task::COUNT);
    for task in Task::ALL {
        let started = Instant::now();
        let (targets, weights) = labels(dataset, task, lesson.learned.clone());
        data.set_labels(&targets)?;
        data.set_weights(&weights)?;
        if let Some((followed, rows)) = &mut followed {
            let (targets, weights) = labels(dataset, task, rows.iter().copied());
            followed.set_labels(&targets)?;
            followed.set_weights(&weights)?;
        }
        let parameters = recipe::xgboost(task, effort, lesson.learned.len())
            .with("base_score", base_score(task, &targets, &weights));
        let schedule = lesson.schedule(task, effort);
        let bar = console.bar(schedule.rounds_max, &format!("{name}: XGBoost {task}"));
        let fit = library.train(
            (&data, followed.as_ref().map(|(followed, _)| followed)),
            &names,
            recipe::loss(task),
            &parameters.clone().with("nthread", effort.threads),
            schedule,
            &mut |_, loss| bar.advance(loss),
        )?;
        members.push(Member { fit, parameters, seconds: started.elapsed().as_secs_f64() });
    }
    Ok(members)
}
