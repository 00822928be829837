//! A registered model as it is told.

use forecast::BundleDigest;
use store::{Alias, Stage, StageStep};

/// One model of the registry.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// Its number.
    pub version: u64,
    /// Its bundle.
    pub digest: BundleDigest,
    /// Its stage.
    pub stage: Stage,
    /// Its way through the stages, from its registration on.
    pub steps: Vec<StageStep>,
    /// The aliases that point at it.
    pub aliases: Vec<Alias>,
    /// When it was registered, in milliseconds.
    pub registered_at_ms: i64,
    /// Its measured performance, as JSON.
    pub metrics: serde_json::Value,
    /// Its manifest, when it could be read.
    pub manifest: Option<serde_json::Value>,
    /// Whether this server answers with it.
    pub serving: bool,
}
