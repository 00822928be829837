//! What a bundle's `manifest.json` says.

use std::collections::BTreeMap;

use kline::{BarTime, Interval, Symbol};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BaselineName, LightGbmShare, TargetTransform, Task, bits};

/// The schema version that this crate writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 5;

/// The contents of `manifest.json`. Holds no wall-clock time: the same data and seed give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`SCHEMA_VERSION`] when written.
    pub schema_version: u32,
    /// The catalogue's hash, in hexadecimal digits.
    pub catalogue_hash: String,
    /// The features' names in the order of a row.
    pub features: Vec<String>,
    /// The step.
    pub interval: Interval,
    /// The markets that the models were trained on, sorted.
    pub symbols: Vec<Symbol>,
    /// The bars that training used.
    pub training: TrainingWindow,
    /// The content hash of the klines that training used.
    pub data_version: String,
    /// Library names and versions, for example `lightgbm` and `4.7.0`.
    pub libraries: BTreeMap<String, String>,
    /// The seed of everything random.
    pub seed: u64,
    /// Parameters of the run that belong to no single booster.
    pub parameters: BTreeMap<String, Value>,
    /// One entry a task, in the order of [`Task::ALL`].
    pub tasks: Vec<TaskEntry>,
    /// Every other file, by its path within the bundle.
    pub files: BTreeMap<String, FileEntry>,
}

impl Manifest {
    /// One task's entry.
    #[must_use]
    pub fn task(&self, task: Task) -> Option<&TaskEntry> {
        self.tasks.iter().find(|entry| entry.task == task)
    }
}

/// The bars that training used. Each window starts where the one before ends, plus the embargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingWindow {
    /// The first bar of the training window.
    pub train_from: BarTime,
    /// The last bar of the training window.
    pub train_until: BarTime,
    /// The last bar of the window for early stopping.
    pub tune_until: BarTime,
    /// The first bar of the test window, if there was one.
    pub test_from: Option<BarTime>,
    /// The last bar of the test window, if there was one.
    pub test_until: Option<BarTime>,
    /// Bars left out between windows; at least the longest horizon.
    pub embargo_bars: u32,
    /// Rows in the training, tuning and test windows.
    pub rows: [u64; 3],
}

/// What a bundle says about one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskEntry {
    /// The task.
    pub task: Task,
    /// What the boosters were trained on; their answers are turned back by its inverse.
    pub transform: TargetTransform,
    /// The baseline that live skill is measured against: the one with the least loss on the walk over the folds.
    pub best_baseline: BaselineName,
    /// The LightGBM booster.
    pub lightgbm: BoosterEntry,
    /// The XGBoost booster.
    pub xgboost: BoosterEntry,
    /// How much LightGBM counts in the ensemble; without it as much as XGBoost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lightgbm_share: Option<LightGbmShare>,
    /// The test window's metrics, members, ensemble and baselines side by side.
    pub metrics: Vec<ModelMetrics>,
}

/// One booster of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoosterEntry {
    /// The file's path within the bundle.
    pub file: String,
    /// How many boosting rounds were kept.
    pub rounds: u64,
    /// The parameters that the library was given.
    pub parameters: BTreeMap<String, Value>,
}

/// One model's metrics on the test window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelMetrics {
    /// `ensemble`, `lightgbm`, `xgboost`, or a baseline's name.
    pub model: String,
    /// Metrics by name, for example `loss`, `skill`, `auc`.
    pub values: BTreeMap<String, Metric>,
}

/// One metric: written without loss, NaN allowed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metric(#[serde(with = "bits::scalar")] pub f64);

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Length in bytes.
    pub size_bytes: u64,
}
