//! What boosters learn from: rows, labels, weights, and when to stop.

use std::ops::Range;

use forecast::{TargetTransform, Task};

use super::library::Library;
use super::recency;
use super::recipe::{self, Effort};
use crate::dataset::Dataset;
use crate::fit::{Parameters, Schedule};

/// What to learn from, and when to stop.
#[derive(Debug, Clone)]
pub(super) struct Lesson {
    /// The rows to learn from.
    pub(super) learned: Range<usize>,
    /// When to stop.
    pub(super) stop: Stop,
    /// What the libraries are told, by task: LightGBM and XGBoost; without it what the recipe says.
    pub(super) told: Option<Vec<[Parameters; 2]>>,
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
    /// The lesson, with what the libraries are told.
    pub(super) fn by(self, told: Vec<[Parameters; 2]>) -> Self {
        Self { told: Some(told), ..self }
    }

    /// What a library is told for a task.
    pub(super) fn parameters(&self, library: Library, task: Task, effort: Effort) -> Parameters {
        let rows = self.learned.len();
        match (&self.told, library) {
            (Some(told), library) => told[task.index()][library as usize].clone(),
            (None, Library::Lightgbm) => recipe::lightgbm(task, effort, rows),
            (None, Library::Xgboost) => recipe::xgboost(task, effort, rows),
        }
    }

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
