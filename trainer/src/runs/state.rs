//! What is written down of a run.

use std::collections::BTreeMap;

use forecast::BundleDigest;
use kline::Milliseconds;
use serde::{Deserialize, Serialize};

use crate::machine::{Code, host};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every stage was done.
    Done,
    /// The model did not pass its gates.
    Refused,
    /// Its data, or what it was asked for, does not allow it.
    Failed,
}

/// The champion when a run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Its version in the registry.
    pub version: u32,
    /// Its bundle.
    pub bundle: BundleDigest,
}

/// A stage that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Its name.
    pub stage: String,
    /// The digest of what decides its outcome.
    pub inputs: String,
    /// The files that it left, with their SHA-256.
    pub outputs: BTreeMap<String, String>,
    /// When it began, Unix milliseconds.
    pub began: Milliseconds,
    /// When it ended, Unix milliseconds.
    pub ended: Milliseconds,
    /// On which machine.
    pub host: String,
    /// By which program.
    pub program: Code,
}

/// A run. Nothing in it is secret: of the command line there is only a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// Its name, and its folder's.
    pub id: String,
    /// The digest of what was asked for.
    pub request: String,
    /// When it began, Unix milliseconds.
    pub began: Milliseconds,
    /// When it ended, if it has.
    pub ended: Option<Milliseconds>,
    /// How it ended; what was killed has no outcome, and is gone on with.
    pub outcome: Option<Outcome>,
    /// On which machine it began.
    pub host: String,
    /// The last closing time of its klines: those that come later, while it is interrupted, are not its own.
    pub klines_until: Option<Milliseconds>,
    /// The champion when it began.
    pub parent: Option<Parent>,
    /// The version that it published.
    pub version: Option<u32>,
    /// The bundle that it published.
    pub bundle: Option<BundleDigest>,
    /// What it has done, in order.
    pub stages: Vec<StageRecord>,
}

impl RunState {
    pub(super) fn begin(id: String, request: String, began: Milliseconds) -> Self {
        Self {
            id,
            request,
            began,
            ended: None,
            outcome: None,
            host: host(),
            klines_until: None,
            parent: None,
            version: None,
            bundle: None,
            stages: Vec::new(),
        }
    }
}
