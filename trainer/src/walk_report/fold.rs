//! One fold of the walk.

use std::collections::BTreeMap;

use forecast::Task;
use serde::{Deserialize, Serialize};

use crate::slice::Slice;
use crate::split::Window;

/// One fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// What its boosters learn from: an expanding window, which ends the embargo before what is answered.
    pub learned: Window,
    /// What they answer.
    pub answered: Window,
}

/// What one fold was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldReport {
    /// Its windows.
    pub fold: Fold,
    /// Rows that were learned from, rows that were answered.
    pub rows: [usize; 2],
    /// By task: the rounds that LightGBM and XGBoost were best with.
    pub best_rounds: Vec<[usize; 2]>,
    /// By task: the rounds that were trained until the patience ran out.
    pub trained_rounds: Vec<[usize; 2]>,
    /// By task: the members' mean beside the best baseline of all folds, on what the fold answered.
    #[serde(default)]
    pub skills: BTreeMap<Task, Slice>,
}
