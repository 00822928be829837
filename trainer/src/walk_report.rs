//! What a walk over several folds leaves to be read: its folds, what was chosen by them, what its bands held, and what the features
//! have done. The training makes it, what it leaves behind holds it.

mod choice;
mod coverage;
mod fold;
mod importance;

use serde::{Deserialize, Serialize};

pub use choice::Choice;
pub use coverage::Coverage;
pub use fold::{Fold, FoldReport};
pub use importance::{FeatureImportance, Importance, TaskImportance};

/// What the walk over the folds was, and what was chosen by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WalkReport {
    /// The folds.
    pub folds: Vec<FoldReport>,
    /// What was tried beside the plain mean.
    pub choices: Vec<Choice>,
    /// How often bands held what came true.
    pub coverage: Vec<Coverage>,
    /// The factor on volatility forecasts that is best for QLIKE.
    pub variance_factor: f64,
}
