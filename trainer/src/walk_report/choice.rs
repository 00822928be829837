//! One choice that the walk made.

use forecast::Task;
use serde::{Deserialize, Serialize};

/// What was tried beside the plain mean of the members, and whether it was better on rows that it was not fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The task.
    pub task: Task,
    /// `shares` of both members, `calibration by own`, `calibration by signals`, `stacking`, `renewal` (how far probabilities
    /// are believed by what has come true, which serving does in any case), or `root mean square by what was realised`, against one
    /// factor, whose losses are QLIKE.
    pub what: String,
    /// The task's mean loss without it.
    pub loss_without: f64,
    /// The mean loss with it.
    pub loss_with: f64,
    /// Whether it is in the bundle.
    pub kept: bool,
}

impl Choice {
    /// `None` if no row had both losses, for then they are no numbers.
    pub(crate) fn if_judged(self) -> Option<Self> {
        (self.loss_without.is_finite() && self.loss_with.is_finite()).then_some(self)
    }
}
