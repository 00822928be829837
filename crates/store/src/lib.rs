//! What is kept: klines, the ledger of those that were missing, the journal of predictions and what then happened, the model
//! registry, and bundles. Each is a trait; the defaults are one SQLite file (write-ahead log) and a folder of bundles. An
//! address chooses PostgreSQL for all but the bundles, another one a bucket of an S3 server for those. Beside them lie one file
//! with the Forecaster's state, and one a bundle with its renewed bands.
//!
//! ```
//! use store::{Home, KlineStore, Registry};
//!
//! let folder = tempfile::tempdir()?;
//! let home = Home::open(folder.path())?;
//! assert!(home.klines().symbols(kline::Interval::M15)?.is_empty());
//! assert!(home.registry().versions()?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chain;
mod database;
mod datasets;
mod error;
mod features;
mod gaps;
mod home;
mod journal;
mod klines;
mod mlflow;
mod objects;
mod places;
mod postgres;
mod registry;
mod retention;
mod secret;
mod snapshot;
mod sqlite;
mod stages;
#[cfg(feature = "test-support")]
pub mod testkit;
mod tls;
mod wait;
mod web;

pub use chain::{ChainFault, ChainFaultKind, ChainHash, RecordKey, Verification};
pub use database::{DatabaseParts, DatabaseUrl};
pub use datasets::{
    Dataset, DatasetDigest, DatasetDigestError, DatasetManifest, DatasetStore, FolderDatasets, S3Datasets,
};
pub use error::StoreError;
pub use features::{
    FEATURE_VERSIONS_MAX, FeatureCatalogue, FeatureRecord, FeatureStatistics, FeatureStore, FeatureVersion,
};
pub use gaps::{GapStore, Hole, HoleState};
pub use home::Home;
pub use journal::{Journal, JournalQuery, Kept, PlacedPrediction};
pub use klines::KlineStore;
pub use mlflow::{
    BegunRun, BoosterModel, Mlflow, MlflowFault, MlflowParts, MlflowPlace, MlflowRegistry, MlflowRun,
    NamedVersion, Origin, RunEnd, RunFigures,
};
pub use objects::{FileFault, FolderObjects, ObjectStore, S3Fault, S3Objects, S3Parts, S3Place};
pub use places::Places;
pub use postgres::PostgresStore;
pub use registry::{
    Alias, ModelVersion, Registry, RegistryChange, Stage, UnknownName, champion_before, promote,
};
pub use retention::{ChainPlace, ChainedRecord, Dropped, Exported, JournalDay, JournalRetention};
pub use snapshot::SnapshotFile;
pub use sqlite::SqliteStore;
pub use stages::{Cause, How, StageStep, stage, ways};
