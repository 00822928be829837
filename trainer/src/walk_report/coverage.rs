//! What bands held on the walk.

use forecast::Task;
use serde::{Deserialize, Serialize};

/// How often the bands of a task held what came true, on the last third of the walk, by bands of the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The task.
    pub task: Task,
    /// The share that they were to hold.
    pub level: f64,
    /// The share that they held.
    pub share: f64,
}
