//! All boosters of one training run with everything needed to serve and check them: immutable and
//! content-addressed.
//!
//! A bundle is a set of files: `manifest.json`, `boosters/<task>.lightgbm.txt` and `boosters/<task>.xgboost.ubj` in
//! their libraries' own formats, `baselines.json`, `stacking.json`, `calibration.json`,
//! `bands.json`, `variance.json` where the walk had volatility to fit it on, `golden.json`,
//! `causality.json`, `parity.json`, `leaks.json` where canaries were listened to, and `model-card.md`.

mod builder;
mod canonical;
mod causality;
mod digest;
mod error;
mod golden;
mod leaks;
mod manifest;
mod parity;
mod verify;

use std::collections::BTreeMap;

use forest::Ensemble;
use kline::Symbol;

pub use builder::{BundleBuilder, TaskParts, booster_file};
pub use causality::{CausalityCertificate, Comparison, Offence, OffenceKind};
pub use digest::{BundleDigest, DigestError};
pub use error::BundleError;
pub use golden::{Golden, GoldenAnswers, GoldenLibrary, HexFloats};
pub use leaks::{Canary, LeaksCertificate};
pub use manifest::{
    BoosterEntry, FileEntry, Manifest, Metric, ModelMetrics, SCHEMA_VERSION, TaskEntry, TrainingWindow,
};
pub(crate) use verify::load_models;

pub use parity::{
    BoosterParity, PARITY_SCHEMA_VERSION, ParityCertificate, ParityDifference, ParityMargins, ParityRow,
    ParityRowKind, ParitySample,
};

use crate::{Bands, Baselines, Calibration, Stacking, VarianceModel};

/// The manifest's path within a bundle.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The baselines' path within a bundle.
pub const BASELINES_FILE: &str = "baselines.json";

/// The stacks' path within a bundle.
pub const STACKING_FILE: &str = "stacking.json";

/// The calibration's path within a bundle.
pub const CALIBRATION_FILE: &str = "calibration.json";

/// The bands' path within a bundle.
pub const BANDS_FILE: &str = "bands.json";

/// The path within a bundle of what the squared volatility is expected by; not every bundle has one.
pub const VARIANCE_FILE: &str = "variance.json";

/// The golden rows' path within a bundle.
pub const GOLDEN_FILE: &str = "golden.json";

/// The causality certificate's path within a bundle.
pub const CAUSALITY_FILE: &str = "causality.json";

/// The parity certificate's path within a bundle.
pub const PARITY_FILE: &str = "parity.json";

/// The leaks certificate's path within a bundle; not every bundle has one.
pub const LEAKS_FILE: &str = "leaks.json";

/// The model card's path within a bundle.
pub const MODEL_CARD_FILE: &str = "model-card.md";

/// A verified bundle, ready to score.
#[derive(Debug)]
pub struct Bundle {
    digest: BundleDigest,
    manifest: Manifest,
    files: BTreeMap<String, Vec<u8>>,
    baselines: Baselines,
    stacking: Stacking,
    calibration: Calibration,
    bands: Bands,
    variance: Option<VarianceModel>,
    causality: CausalityCertificate,
    parity: ParityCertificate,
    leaks: Option<LeaksCertificate>,
    ensemble: Ensemble,
}

impl Bundle {
    /// Verifies a bundle's files: manifest schema, the SHA-256 of every file, the catalogue hash, the causality
    /// certificate, that of leaks if there is one, every booster's shape and the names and order of its features, every
    /// golden row, and the parity certificate with its sample rows to the bit.
    ///
    /// # Errors
    /// The first thing that does not hold, with what to do about it.
    pub fn from_files(files: BTreeMap<String, Vec<u8>>) -> Result<Self, BundleError> {
        verify::verify(files)
    }

    /// The bundle's name.
    #[must_use]
    pub const fn digest(&self) -> BundleDigest {
        self.digest
    }

    /// What the bundle says about itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Every file, the manifest included, by its path within the bundle.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The fitted baselines.
    #[must_use]
    pub const fn baselines(&self) -> &Baselines {
        &self.baselines
    }

    /// How the members of some class tasks are combined.
    #[must_use]
    pub const fn stacking(&self) -> &Stacking {
        &self.stacking
    }

    /// What turns the members' mean into what is served, of tasks without a stack.
    #[must_use]
    pub const fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The quantiles that bands are made of until they are renewed.
    #[must_use]
    pub const fn bands(&self) -> &Bands {
        &self.bands
    }

    /// What the squared volatility is expected by, if the bundle says it.
    #[must_use]
    pub const fn variance(&self) -> Option<&VarianceModel> {
        self.variance.as_ref()
    }

    /// What the audit of causality found before training.
    #[must_use]
    pub const fn causality(&self) -> &CausalityCertificate {
        &self.causality
    }

    /// What the audit of parity found after training.
    #[must_use]
    pub const fn parity(&self) -> &ParityCertificate {
        &self.parity
    }

    /// What canaries showed before training, where they were listened to.
    #[must_use]
    pub const fn leaks(&self) -> Option<&LeaksCertificate> {
        self.leaks.as_ref()
    }

    /// Whether the models were trained on a symbol.
    #[must_use]
    pub fn covers(&self, symbol: Symbol) -> bool {
        self.manifest.symbols.binary_search(&symbol).is_ok()
    }

    /// All boosters: of each task LightGBM's, then XGBoost's.
    pub(crate) const fn ensemble(&self) -> &Ensemble {
        &self.ensemble
    }
}
