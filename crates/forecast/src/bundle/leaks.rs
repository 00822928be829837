//! What canaries showed before the training: a part of the bundles of those who let them sing, so that the proof that nothing leaked
//! goes where the models go.

use serde::{Deserialize, Serialize};

use super::Metric;
use crate::Task;

/// The contents of `leaks.json`. Holds no wall-clock time: the same klines and seed give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaksCertificate {
    /// The catalogue of the rows, in hexadecimal digits.
    pub catalogue_hash: String,
    /// The content hash of the klines.
    pub data_version: String,
    /// Rows that were learned from, and that were answered.
    pub rows: [u64; 2],
    /// One line a canary and task.
    pub canaries: Vec<Canary>,
    /// Whether all are as they have to be.
    pub passed: bool,
}

/// What one canary showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// `shuffled outcomes` or `planted future`.
    pub canary: String,
    /// The task.
    pub task: Task,
    /// What was measured: `auc`, `r2` or `r2_log`.
    pub figure: String,
    /// The figure.
    pub value: Metric,
    /// Its 95 % interval; NaN on too few days.
    pub interval: [Metric; 2],
    /// Whether it is as it has to be.
    pub passed: bool,
}

impl LeaksCertificate {
    /// Why the certificate does not speak for a bundle of these features and klines, if it does not; the sentence goes on after
    /// "the leaks certificate".
    #[must_use]
    pub fn problem(&self, catalogue_hash: &str, data_version: &str) -> Option<String> {
        self.leak().or_else(|| self.stranger(catalogue_hash, data_version))
    }

    /// What it tells of a leak, if it does; the sentence goes on as that of [`LeaksCertificate::problem`].
    #[must_use]
    pub fn leak(&self) -> Option<String> {
        if let Some(canary) = self.canaries.iter().find(|canary| !canary.passed) {
            return Some(format!("tells of a leak: {} of {}", canary.canary, canary.task));
        }
        (!self.passed || self.canaries.is_empty()).then(|| "did not pass".to_owned())
    }

    /// Why it is of other features or klines, if it is.
    #[must_use]
    pub fn stranger(&self, catalogue_hash: &str, data_version: &str) -> Option<String> {
        let known = [
            ("catalogue", &self.catalogue_hash, catalogue_hash),
            ("data version", &self.data_version, data_version),
        ];
        let (what, found, expected) = known.into_iter().find(|(_, found, expected)| found != expected)?;
        Some(format!("is of {what} {found}, not of {expected}"))
    }
}
