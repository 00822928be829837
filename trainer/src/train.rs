//! Trains every task's two boosters with the original libraries: a walk over several folds first, then on all of the
//! training and tuning windows; and fits the baselines.

mod beyond;
mod bins;
mod boosters;
mod combine;
mod cores;
mod course;
mod folds;
mod importance;
mod lesson;
mod libraries;
mod library;
mod part;
mod recency;
pub mod recipe;
mod refit;
mod rounds;
pub mod search;
mod shares;
mod walk_forward;

use forecast::{Baselines, TargetTransform, Task};

use crate::Result;
use crate::dataset::Dataset;
use crate::trained::{Plan, Trained, TrainedTask};
use crate::walk_report::WalkReport;
use libraries::Libraries;

pub use course::Course;
pub use folds::folds;
pub use library::Library;
pub use part::{FittedPart, Part, train_part};
pub use refit::{Settled, refit};

/// Trains all tasks, of every fold and then of the whole, with both libraries side by side.
///
/// # Errors
/// When a library is missing or refuses, or a baseline can't be fitted.
pub fn train(dataset: &Dataset, course: &Course<'_>) -> Result<Trained> {
    let (effort, data_version) = (course.effort, course.data_version.to_owned());
    let libraries = Libraries::load()?;
    let walk = walk_forward::walk(dataset, &libraries, course)?;
    let bar = course.console.spinner("calibrating, stacking, bands");
    let combination = combine::combine(dataset, &walk);
    bar.finish_and_clear();
    let lesson = |library: usize| {
        walk_forward::final_lesson(dataset, walk.rounds.iter().map(|rounds| rounds[library]).collect())
    };
    let lessons = [lesson(0), lesson(1)];
    let baselines = Baselines::fit(dataset.samples(lessons[0].learned.clone()))?;
    let [lightgbm, xgboost] = boosters::both(dataset, [&lessons[0], &lessons[1]], course)?;
    let tasks = Task::ALL
        .into_iter()
        .zip(lightgbm.into_iter().zip(xgboost))
        .map(|(task, (lightgbm, xgboost))| TrainedTask {
            task,
            transform: TargetTransform::standard(task),
            best_baseline: walk.best_baseline[task.index()],
            lightgbm,
            xgboost,
            lightgbm_share: walk.shares[task.index()],
        })
        .collect();
    let plan = Plan {
        split: dataset.split,
        data_version,
        seed: effort.seed,
        rounds_max: effort.rounds_max,
        folds: effort.folds,
        half_life_days: effort.half_life,
        left_out: dataset.left_out().names(),
        shapes_tried: effort.shapes.tried(),
        walk_of: None,
    };
    let report = WalkReport {
        folds: walk.folds,
        choices: [walk.share_choices, combination.choices].concat(),
        coverage: combination.coverage,
        variance_factor: combination.variance_factor,
    };
    Ok(Trained {
        plan,
        baselines,
        stacking: combination.stacking,
        calibration: combination.calibration,
        bands: combination.bands,
        variance: combination.variance,
        walk: report,
        importance: importance::of(&walk.gains),
        tasks,
    })
}

/// The values as XGBoost sees them, in training and in scoring.
#[must_use]
pub fn single_precision(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}
