//! MLflow: runs with their figures and files, and the model registry, over its REST interface. Everything here blocks.
//!
//! One registered model carries the bundles: a version is a bundle by its tag `klinecast.bundle`, and the aliases `champion`
//! and `challenger` are what klinecast goes by. For each booster there is a registered model beside it, whose versions carry
//! the same tag and whose aliases follow.

mod client;
mod fault;
mod history;
mod models;
mod place;
mod registry;
mod retention;
mod runs;

pub use client::Mlflow;
pub use fault::MlflowFault;
pub use models::{BoosterModel, Origin};
pub use place::{MlflowParts, MlflowPlace};
pub use registry::MlflowRegistry;
pub use retention::NamedVersion;
pub use runs::{BegunRun, MlflowRun, RunEnd, RunFigures};

/// Says which bundle a version carries.
const BUNDLE_TAG: &str = "klinecast.bundle";
/// Says, of a booster's version, which registered model has its bundle.
const OF_TAG: &str = "klinecast.of";
/// Says, of a booster's version, which version its bundle is.
const VERSION_TAG: &str = "klinecast.version";
/// Says when a bundle was registered, Unix milliseconds.
const REGISTERED_TAG: &str = "klinecast.registered_at";
/// A bundle's figures for a quick look, as JSON.
const METRICS_TAG: &str = "klinecast.metrics";
/// The stage, as old users look for it.
const STAGE_TAG: &str = "stage";
