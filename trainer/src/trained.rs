//! What training leaves behind.

mod booster_file;
mod saved;

use std::collections::BTreeMap;

use forecast::{
    Bands, BaselineName, Baselines, BundleDigest, Calibration, LightGbmShare, Stacking, TargetTransform,
    Task, TaskKind, VarianceModel,
};
use serde::{Deserialize, Serialize};

use crate::fit::{Fit, Parameters};
use crate::half_life::HalfLife;
use crate::split::Split;
use crate::walk_report::{Importance, WalkReport};
use crate::{Result, TrainerError};

pub use booster_file::BoosterFile;
pub use saved::{files, load, load_importance, save};

/// Under which name a bundle says whose walk was taken over.
pub const WALK_OF: &str = "walk_of";

/// Everything that training leaves behind.
#[derive(Debug, Clone)]
pub struct Trained {
    /// What it was made from.
    pub plan: Plan,
    /// The fitted baselines.
    pub baselines: Baselines,
    /// How the members of some class tasks are combined, fitted on the walk.
    pub stacking: Stacking,
    /// What turns the members' mean into what is served, fitted on the walk.
    pub calibration: Calibration,
    /// The quantiles of bands, from the walk.
    pub bands: Bands,
    /// What the squared volatility is expected by, from the walk.
    pub variance: Option<VarianceModel>,
    /// What the walk was, and what was chosen by it.
    pub walk: WalkReport,
    /// What the features have done for the walk's boosters.
    pub importance: Importance,
    /// The tasks, in the order of [`Task::ALL`].
    pub tasks: Vec<TrainedTask>,
}

/// What a training run was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The windows.
    pub split: Split,
    /// The content hash of the klines.
    pub data_version: String,
    /// The seed of everything random.
    pub seed: u64,
    /// The bound on rounds from the command line.
    pub rounds_max: Option<usize>,
    /// How many folds were walked over at most.
    pub folds: usize,
    /// After how many days a row counted half; without it all counted the same.
    pub half_life_days: Option<HalfLife>,
    /// The features that boosters were not shown.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// How many shapes were tried before each that took the place of a standard one, by task.
    #[serde(default)]
    pub shapes_tried: BTreeMap<Task, u32>,
    /// The bundle whose training's walk was taken over; none if this one walked itself.
    #[serde(default)]
    pub walk_of: Option<BundleDigest>,
}

/// One task's boosters.
#[derive(Debug, Clone)]
pub struct TrainedTask {
    /// The task.
    pub task: Task,
    /// What they were trained on.
    pub transform: TargetTransform,
    /// The baseline with the least loss on the walk.
    pub best_baseline: BaselineName,
    /// LightGBM's.
    pub lightgbm: Member,
    /// XGBoost's.
    pub xgboost: Member,
    /// How much LightGBM counts in the ensemble, fitted on the walk; without it as much as XGBoost.
    pub lightgbm_share: Option<LightGbmShare>,
}

/// One booster.
#[derive(Debug, Clone)]
pub struct Member {
    /// The model file and how training went.
    pub fit: Fit,
    /// What the library was told.
    pub parameters: Parameters,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// The number of outputs of a task's boosters.
#[must_use]
pub const fn output_count(task: Task) -> usize {
    match task.kind() {
        TaskKind::Regression | TaskKind::Binary => 1,
        TaskKind::Classes(count) => count,
    }
}

/// How training went.
#[derive(Debug, Clone, Serialize)]
pub struct TrainingReport {
    /// One line a booster.
    pub boosters: Vec<MemberReport>,
    /// The folds, and what was decided by them.
    pub walk: WalkReport,
    /// Features that no booster of the walk splits on.
    pub unused_features: Vec<String>,
}

/// One line of the training report.
#[derive(Debug, Clone, Serialize)]
pub struct MemberReport {
    /// The task.
    pub task: Task,
    /// `lightgbm` or `xgboost`.
    pub library: &'static str,
    /// Rounds kept.
    pub rounds: usize,
    /// The rounds that each fold was best with.
    pub fold_rounds: Vec<usize>,
    /// Size of the model file.
    pub bytes: usize,
    /// How long it took.
    pub seconds: f64,
}

impl Trained {
    /// One line a booster, and what the walk decided.
    #[must_use]
    pub fn report(&self) -> TrainingReport {
        let fold_rounds = |task: Task, library: usize| {
            self.walk.folds.iter().map(|fold| fold.best_rounds[task.index()][library]).collect()
        };
        let line = |task: Task, (number, library), member: &Member| MemberReport {
            task,
            library,
            rounds: member.fit.rounds,
            fold_rounds: fold_rounds(task, number),
            bytes: member.fit.file.len(),
            seconds: member.seconds,
        };
        let both = |trained: &TrainedTask| {
            [
                line(trained.task, (0, "lightgbm"), &trained.lightgbm),
                line(trained.task, (1, "xgboost"), &trained.xgboost),
            ]
        };
        TrainingReport {
            boosters: self.tasks.iter().flat_map(both).collect(),
            walk: self.walk.clone(),
            unused_features: self.importance.unused.clone(),
        }
    }

    /// Checks that the klines are still those that training used.
    ///
    /// # Errors
    /// [`TrainerError::DataChanged`].
    pub fn require_data(&self, version: &str) -> Result<()> {
        if self.plan.data_version == version {
            return Ok(());
        }
        let (found, expected) = (version.to_owned(), self.plan.data_version.clone());
        Err(TrainerError::DataChanged { found, expected })
    }
}
