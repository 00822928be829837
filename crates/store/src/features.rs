//! What features mean and how they were distributed: the catalogues of features that were used, and the statistics of the rows of
//! each data version, for people and tools that ask the database.

use kline::{Interval, Milliseconds};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// One feature of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureRecord {
    /// Its name, unique in the catalogue.
    pub name: String,
    /// What it is about, for example `volatility`.
    pub kind: String,
    /// What its numbers mean, for example `log_return`.
    pub unit: String,
    /// How many bars it looks at.
    pub window_bars: u32,
    /// So many klines after a symbol's start it is a number.
    pub warm_up_bars: u32,
    /// What it reads.
    pub inputs: Vec<String>,
    /// The formula in words.
    pub definition: String,
    /// Where the formula comes from.
    pub source: String,
}

/// A catalogue of features, as it was when it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureCatalogue {
    /// Its version: the hash that bundles name, 64 hexadecimal digits.
    pub catalogue: String,
    /// When it was first written down, Unix milliseconds.
    pub recorded_at: Milliseconds,
    /// Its features, in the order of a row's values.
    pub features: Vec<FeatureRecord>,
}

/// One feature's distribution over the rows of a data version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureStatistics {
    /// The feature.
    pub name: String,
    /// The share of the rows without a finite value.
    pub missing: f64,
    /// The distinct values at the percentiles, ascending.
    pub edges: Vec<f64>,
    /// The share of the values that are not above each edge.
    pub below: Vec<f64>,
}

/// The rows of a data version's training window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureVersion {
    /// `sha256:` and 64 hexadecimal digits.
    pub data_version: String,
    /// The catalogue that the rows were made by.
    pub catalogue: String,
    /// The step.
    pub interval: Interval,
    /// When they were measured, Unix milliseconds.
    pub made_at: Milliseconds,
    /// The window's first and last bar, Unix milliseconds.
    pub window: [Milliseconds; 2],
    /// Rows in it.
    pub rows: u64,
    /// Each feature's distribution, in the catalogue's order.
    pub statistics: Vec<FeatureStatistics>,
}

/// Keeps catalogues of features, and the statistics of the newest [`FEATURE_VERSIONS_MAX`] data versions.
pub trait FeatureStore: Send + Sync {
    /// Keeps a catalogue; one that is there already stays as it is. All or nothing.
    ///
    /// # Errors
    /// When the store can't be written.
    fn keep_catalogue(&self, catalogue: &FeatureCatalogue) -> Result<(), StoreError>;

    /// Keeps a data version's statistics in the place of earlier ones of the same data version and catalogue; beyond
    /// [`FEATURE_VERSIONS_MAX`] the oldest go. All or nothing.
    ///
    /// # Errors
    /// When the store can't be written.
    fn keep_feature_version(&self, version: &FeatureVersion) -> Result<(), StoreError>;

    /// A catalogue by its hash, or the one that was written down last; `None` if there is none.
    ///
    /// # Errors
    /// When the store can't be read.
    fn catalogue(&self, hash: Option<&str>) -> Result<Option<FeatureCatalogue>, StoreError>;

    /// The statistics of a data version, or of the one that was measured last; `None` if there are none.
    ///
    /// # Errors
    /// When the store can't be read.
    fn feature_version(&self, data_version: Option<&str>) -> Result<Option<FeatureVersion>, StoreError>;
}

/// Data versions whose statistics are kept.
pub const FEATURE_VERSIONS_MAX: usize = 256;

/// A list as it is stored.
pub(crate) fn text<T: Serialize>(what: &'static str, list: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|source| StoreError::Encode { what, source })
}

/// A stored list.
pub(crate) fn list<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<Vec<T>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::StoredText { what, text: text.to_owned() })
}

/// A count as both databases store it.
pub(crate) fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
