//! Boosters fitted anew by what an earlier training has settled on its walk: rounds, parameters, shares, calibration, stacking
//! and bands. Between two walks this takes what is new into the boosters, in the time of the final fit.
//!
//! The boosters begin from nothing. To go on from the trees of the earlier model would be quicker still, but a model that has
//! seen a fold can't be asked about it, and what it was wrong about in its youth would stay in it for good.

use std::collections::BTreeMap;

use forecast::{
    Bands, BaselineName, Baselines, Bundle, BundleDigest, Calibration, LightGbmShare, Manifest, Stacking,
    TargetTransform, Task, VarianceModel,
};
use kline::{BarTime, Interval, Symbol};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::course::Course;
use super::importance;
use super::libraries::Libraries;
use super::library::Library;
use super::recipe::{self, Effort};
use super::{boosters, walk_forward};
use crate::dataset::Dataset;
use crate::fit::Parameters;
use crate::half_life::HalfLife;
use crate::looks::SHAPES_TRIED;
use crate::split::EMBARGO_BARS;
use crate::trained::{Plan, Trained, TrainedTask, WALK_OF};
use crate::walk_report::WalkReport;
use crate::{Result, TrainerError};

/// XGBoost's name of where it begins, which is measured on the rows that it learns from.
const BASE: &str = "base_score";

/// What a training has settled.
#[derive(Debug, Clone)]
pub struct Settled {
    plan: SettledPlan,
    walk: WalkReport,
    stacking: Stacking,
    calibration: Calibration,
    bands: Bands,
    variance: Option<VarianceModel>,
    tasks: Vec<SettledTask>,
}

#[derive(Debug, Clone)]
struct SettledPlan {
    /// The bundle whose training walked.
    walk_of: BundleDigest,
    interval: Interval,
    symbols: Vec<Symbol>,
    /// The last bar that the walk was answered on.
    walked_until: BarTime,
    seed: u64,
    rounds_max: Option<usize>,
    folds: usize,
    half_life: Option<HalfLife>,
    left_out: Vec<String>,
    shapes_tried: BTreeMap<Task, u32>,
}

#[derive(Debug, Clone)]
struct SettledTask {
    best_baseline: BaselineName,
    lightgbm_share: Option<LightGbmShare>,
    /// LightGBM's, XGBoost's.
    rounds: [usize; 2],
    parameters: [Parameters; 2],
}

impl Settled {
    /// What the training of a bundle settled, or the one that it took over in its turn.
    ///
    /// # Errors
    /// [`TrainerError::Refit`] when the bundle does not say it, or was trained on other targets or by other parameters.
    pub fn of(bundle: &Bundle) -> Result<Self> {
        let manifest = bundle.manifest();
        let tasks = Task::ALL.iter().map(|task| settled_task(manifest, *task)).collect::<Result<Vec<_>>>()?;
        let walk: WalkReport = parameter(manifest, "walk")?;
        let own = (bundle.digest(), manifest.training.tune_until);
        let walked_until = walk.folds.iter().map(|fold| fold.fold.answered.until).max();
        let taken_over = match manifest.parameters.get(WALK_OF) {
            None | Some(Value::Null) => None,
            Some(_) => Some(parameter(manifest, WALK_OF)?),
        };
        Ok(Self {
            plan: SettledPlan {
                walk_of: taken_over.unwrap_or(own.0),
                interval: manifest.interval,
                symbols: manifest.symbols.clone(),
                walked_until: walked_until.unwrap_or(own.1),
                seed: manifest.seed,
                rounds_max: parameter(manifest, "rounds_max")?,
                folds: parameter(manifest, "folds")?,
                half_life: parameter(manifest, "half_life_days")?,
                left_out: parameter(manifest, "left_out")?,
                shapes_tried: parameter(manifest, SHAPES_TRIED)?,
            },
            walk,
            stacking: bundle.stacking().clone(),
            calibration: bundle.calibration().clone(),
            bands: bundle.bands().clone(),
            variance: bundle.variance().copied(),
            tasks,
        })
    }

    /// The features that its boosters were not shown.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.plan.left_out
    }

    /// The bundle whose training walked.
    #[must_use]
    pub const fn walk_of(&self) -> BundleDigest {
        self.plan.walk_of
    }

    /// How hard to try, with what is settled.
    fn effort(&self, effort: Effort) -> Effort {
        let SettledPlan { seed, rounds_max, folds, half_life, .. } = self.plan;
        Effort { seed, rounds_max, folds, half_life, ..effort }
    }

    /// Whether it may be applied: to the same step and no other symbols, and so that the walk had not seen what is tested on.
    fn require(&self, dataset: &Dataset) -> Result<()> {
        let plan = &self.plan;
        if dataset.interval != plan.interval {
            return Err(refuse(format!(
                "it is of {} klines, these are of {}",
                plan.interval, dataset.interval
            )));
        }
        if let Some(other) = dataset.symbols.iter().find(|symbol| !plan.symbols.contains(symbol)) {
            return Err(refuse(format!("it has no {other}")));
        }
        let first = plan.walked_until.plus(i64::from(EMBARGO_BARS) + 1, dataset.interval);
        if dataset.split.test.from < first {
            return Err(refuse(format!(
                "its walk saw bars up to {}, and the test window begins at {}",
                plan.walked_until, dataset.split.test.from
            )));
        }
        Ok(())
    }
}

/// Fits the boosters on all of the training and tuning windows, by what is settled.
///
/// # Errors
/// [`TrainerError::Refit`] when that can't be applied here; else as [`super::train`].
pub fn refit(dataset: &Dataset, course: &Course<'_>, settled: &Settled) -> Result<Trained> {
    settled.require(dataset)?;
    let course = Course { effort: settled.effort(course.effort), ..*course };
    let libraries = Libraries::load()?;
    let told: Vec<[Parameters; 2]> = settled.tasks.iter().map(|task| task.parameters.clone()).collect();
    let lesson = |library: usize| {
        let rounds = settled.tasks.iter().map(|task| task.rounds[library]).collect();
        walk_forward::final_lesson(dataset, rounds).by(told.clone())
    };
    let lessons = [lesson(0), lesson(1)];
    let baselines = Baselines::fit(dataset.samples(lessons[0].learned.clone()))?;
    let [lightgbm, xgboost] = boosters::both(dataset, [&lessons[0], &lessons[1]], &course)?;
    let mut tasks = Vec::with_capacity(Task::COUNT);
    let mut gains = Vec::new();
    for (task, (lightgbm, xgboost)) in Task::ALL.into_iter().zip(lightgbm.into_iter().zip(xgboost)) {
        let SettledTask { best_baseline, lightgbm_share, .. } = settled.tasks[task.index()];
        let transform = TargetTransform::standard(task);
        let one = TrainedTask { task, transform, best_baseline, lightgbm, xgboost, lightgbm_share };
        gains.extend(importance::gains(&libraries, &one, 0)?);
        tasks.push(one);
    }
    let plan = Plan {
        split: dataset.split,
        data_version: course.data_version.to_owned(),
        seed: course.effort.seed,
        rounds_max: course.effort.rounds_max,
        folds: course.effort.folds,
        half_life_days: course.effort.half_life,
        left_out: dataset.left_out().names(),
        shapes_tried: settled.plan.shapes_tried.clone(),
        walk_of: Some(settled.walk_of()),
    };
    Ok(Trained {
        plan,
        baselines,
        stacking: settled.stacking.clone(),
        calibration: settled.calibration.clone(),
        bands: settled.bands.clone(),
        variance: settled.variance,
        walk: settled.walk.clone(),
        importance: importance::of(&gains),
        tasks,
    })
}

fn settled_task(manifest: &Manifest, task: Task) -> Result<SettledTask> {
    let entry = manifest.task(task).ok_or_else(|| refuse(format!("it says nothing of {task}")))?;
    if entry.transform != TargetTransform::standard(task) {
        return Err(refuse(format!("its {task} was trained on another target")));
    }
    let both = [&entry.lightgbm, &entry.xgboost];
    for (library, booster) in Library::ALL.into_iter().zip(both) {
        // Such could do to trees what this program does not follow.
        let foreign =
            booster.parameters.iter().find(|(name, _)| *name != BASE && !recipe::tells(library, name));
        if let Some((name, value)) = foreign {
            let library = library.own_name();
            return Err(refuse(format!(
                "{task}'s {library} was told {name}={}, which this program does not tell",
                as_text(value)
            )));
        }
    }
    let parameters = both.map(|booster| {
        let told = booster.parameters.iter().filter(|(name, _)| *name != BASE);
        told.fold(Parameters::default(), |parameters, (name, value)| parameters.with(name, as_text(value)))
    });
    Ok(SettledTask {
        best_baseline: entry.best_baseline,
        lightgbm_share: entry.lightgbm_share,
        rounds: both.map(|booster| usize::try_from(booster.rounds).unwrap_or(usize::MAX)),
        parameters,
    })
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn parameter<T: DeserializeOwned>(manifest: &Manifest, name: &str) -> Result<T> {
    let value = manifest.parameters.get(name).ok_or_else(|| refuse(format!("it does not say {name:?}")))?;
    serde_json::from_value(value.clone()).map_err(|error| refuse(format!("its {name:?}: {error}")))
}

fn refuse(problem: String) -> TrainerError {
    TrainerError::Refit { problem }
}
