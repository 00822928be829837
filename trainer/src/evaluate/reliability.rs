//! Whether stated probabilities come true as often as they say.

use forecast::Task;
use forecast::score::calibration_bins;
use serde::{Deserialize, Serialize};

use super::metrics::{CALIBRATION_BINS, stated};
use crate::answers::Answers;

/// Rows whose stated probability lies in one of 15 bins of equal width.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// How many rows.
    pub rows: u64,
    /// Their mean stated probability.
    pub stated: f64,
    /// The share that came true.
    pub happened: f64,
}

/// The bins that have rows: of the most probable class, of two classes of `up`; none for a regression.
pub(super) fn reliability(task: Task, answers: &Answers, outcomes: &[f64]) -> Vec<ReliabilityBin> {
    let rows = answers.rows().zip(outcomes);
    let rows = rows.filter_map(|(answer, outcome)| stated(task.kind(), answer, *outcome));
    let bins = calibration_bins(rows, CALIBRATION_BINS).into_iter().filter(|bin| bin.count > 0);
    let bin = |bin: forecast::score::CalibrationBin| ReliabilityBin {
        rows: bin.count,
        stated: bin.stated,
        happened: bin.happened,
    };
    bins.map(bin).collect()
}
