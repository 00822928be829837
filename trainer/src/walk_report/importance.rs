//! What the features have done for the boosters of the walk.

use features::Catalogue;
use forecast::Task;
use serde::{Deserialize, Serialize};

/// What the features have done in the walk's boosters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// The tasks.
    pub tasks: Vec<TaskImportance>,
    /// Features that no booster of any task and fold splits on, in the catalogue's order; those that were left out among them.
    pub unused: Vec<String>,
}

/// What they have done for one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskImportance {
    /// The task.
    pub task: Task,
    /// The rank correlation of the shares in folds that follow each other, the mean over them: LightGBM's, XGBoost's. None with
    /// one fold.
    pub steadiness: [Option<f64>; 2],
    /// The rank correlation of both libraries' shares, the mean over the folds.
    pub agreement: Option<f64>,
    /// Every feature, the one with the greatest share first.
    pub features: Vec<FeatureImportance>,
}

/// What one feature has done for a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureImportance {
    /// Its name.
    pub feature: String,
    /// Its share of the gain, the mean over the boosters.
    pub share: f64,
    /// The same for LightGBM's and XGBoost's boosters.
    pub library_shares: [f64; 2],
    /// The same for the folds, one after the other.
    pub fold_shares: Vec<f64>,
    /// Its rank among the features, 1 the best, equals at their mean rank; the mean over the boosters.
    pub rank: f64,
    /// How many boosters split on it.
    pub boosters: usize,
}

impl Importance {
    /// The features whose share of the gain is below a bound in every task, in the catalogue's order.
    #[must_use]
    pub fn weak(&self, below: f64) -> Vec<&'static str> {
        let is_weak = |name: &&str| {
            let mut of_tasks = self.tasks.iter().flat_map(|task| &task.features);
            of_tasks.all(|one| one.feature != **name || one.share < below)
        };
        Catalogue::standard().names().filter(is_weak).collect()
    }
}
