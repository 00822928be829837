//! Why a bundle was refused, and what to do.

use features::CatalogueDifference;
use forest::FeatureError;
use kline::{Interval, Symbol};

use super::PARITY_FILE;
use crate::{Task, UnknownTask};

/// Why a bundle was refused. Each message names what was wrong and what to do; [`BundleError::reason`] is the short
/// name for wires and metrics.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BundleError {
    /// A file that must be there is not.
    #[error("file {name} is missing from the bundle; copy the bundle again as a whole")]
    MissingFile {
        /// Its path within the bundle.
        name: String,
    },
    /// A file that the manifest does not name.
    #[error("file {name} is not named by the manifest; remove it or copy the bundle again")]
    UnlistedFile {
        /// Its path within the bundle.
        name: String,
    },
    /// A path that leaves the bundle.
    #[error("file name {name:?} is not a plain relative path; build the bundle again")]
    FileName {
        /// As it was given.
        name: String,
    },
    /// A file's bytes are not those that the manifest was written for.
    #[error("file {name} has SHA-256 {found}, the manifest says {expected}; copy the bundle again")]
    Checksum {
        /// Its path within the bundle.
        name: String,
        /// By the manifest.
        expected: String,
        /// Of the bytes.
        found: String,
    },
    /// A JSON file is malformed.
    #[error("file {name} is malformed: {problem}; copy or build the bundle again")]
    Malformed {
        /// Its path within the bundle.
        name: String,
        /// What is wrong, with line and column.
        problem: String,
    },
    /// The manifest was written by another version.
    #[error(
        "manifest has schema version {found}, this build reads {supported}; train a new bundle or use the build that made it"
    )]
    SchemaVersion {
        /// In the manifest.
        found: u64,
        /// By this build.
        supported: u32,
    },
    /// The features are not those of this build.
    #[error(
        "catalogue hash {found} is not this build's {expected}: {difference}; train a new bundle with this build"
    )]
    Catalogue {
        /// In the manifest.
        found: String,
        /// Of this build.
        expected: String,
        /// Which features differ.
        difference: CatalogueDifference,
    },
    /// A list in the manifest that must not be empty, or must be sorted, or must not repeat.
    #[error("manifest field {field} {problem}; build the bundle again")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A task that is none.
    #[error(transparent)]
    UnknownTask(#[from] UnknownTask),
    /// The causality certificate does not speak for this bundle.
    #[error(
        "the causality certificate {problem}; run `klinecast-trainer audit causality` and publish the bundle again"
    )]
    Causality {
        /// What is wrong with it.
        problem: String,
    },
    /// The parity certificate does not speak for this bundle.
    #[error(
        "the parity certificate {problem}; run `klinecast-trainer audit parity --trained` and publish the bundle again"
    )]
    Parity {
        /// What is wrong with it.
        problem: String,
    },
    /// The leaks certificate does not speak for this bundle.
    #[error(
        "the leaks certificate {problem}; run `klinecast-trainer audit leaks` and publish the bundle again"
    )]
    Leaks {
        /// What is wrong with it.
        problem: String,
    },
    /// A booster can't be read.
    #[error("booster {name} of {task} can't be read: {problem}; train the bundle again")]
    Booster {
        /// Its path within the bundle.
        name: String,
        /// The task.
        task: Task,
        /// The reader's words.
        problem: String,
    },
    /// A booster does not answer what the task asks.
    #[error("booster {name} of {task} has {found} {what}, expected {expected}; train the bundle again")]
    Shape {
        /// Its path within the bundle.
        name: String,
        /// The task.
        task: Task,
        /// `features` or `outputs`.
        what: &'static str,
        /// In the booster.
        found: usize,
        /// By catalogue or task.
        expected: usize,
    },
    /// A booster reads other features than the bundle's rows have, or the same ones in another order.
    #[error(
        "booster {name} of {task} was trained on other features than the manifest's, or in another order: {problem}; train the bundle again"
    )]
    Features {
        /// Its path within the bundle.
        name: String,
        /// The task.
        task: Task,
        /// The first feature that is missing or stands elsewhere.
        problem: FeatureError,
    },
    /// A target transform that makes no sense for the task.
    #[error("target transform {transform} does not suit {task}; train the bundle again")]
    Transform {
        /// The task.
        task: Task,
        /// The transform.
        transform: String,
    },
    /// A golden row does not come out as the original library answered it.
    #[error(
        "golden row {row} of {name} answers {found} (bits {found_bits:016x}), {library} answered {expected} (bits {expected_bits:016x}); don't serve this bundle, report it"
    )]
    GoldenRow {
        /// The booster's path within the bundle.
        name: String,
        /// The library's name.
        library: String,
        /// The row's index.
        row: usize,
        /// What this build answers.
        found: f64,
        /// Its bits.
        found_bits: u64,
        /// What the original library answered.
        expected: f64,
        /// Its bits.
        expected_bits: u64,
    },
    /// A booster has no golden row.
    #[error("booster {name} has no golden row to check it by; build the bundle again")]
    NoGoldenRow {
        /// The booster's path within the bundle.
        name: String,
    },
    /// A sample row of the parity certificate does not come out as the original library answered it.
    #[error(
        "sample row {row} of {PARITY_FILE} has margin {found} (bits {:016x}) by {name}, {library} answered {expected} (bits {:016x}); don't serve this bundle, report it",
        found.to_bits(), expected.to_bits()
    )]
    ParityRow {
        /// The booster's path within the bundle.
        name: String,
        /// The library's name.
        library: String,
        /// The row's index.
        row: usize,
        /// What this build answers.
        found: f64,
        /// What the original library answered.
        expected: f64,
    },
    /// The bundle is for another step.
    #[error("bundle is for {found} klines, this process follows {expected}; train a bundle for {expected}")]
    Interval {
        /// By the manifest.
        found: Interval,
        /// Of the process.
        expected: Interval,
    },
    /// None of the followed symbols is in the bundle.
    #[error("bundle was trained on none of the followed symbols; it has {}; train a bundle with them", list(.symbols))]
    Symbols {
        /// The bundle's symbols.
        symbols: Vec<Symbol>,
    },
    /// There are challengers enough.
    #[error("there are {limit} challengers already; drop them first")]
    TooManyChallengers {
        /// The largest number.
        limit: usize,
    },
}

impl BundleError {
    /// A short name in lower case with underscores: one of a closed set.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::MissingFile { .. } => "bundle_file_missing",
            Self::UnlistedFile { .. } => "bundle_file_unlisted",
            Self::FileName { .. } => "bundle_file_name",
            Self::Checksum { .. } => "bundle_checksum",
            Self::Malformed { .. } => "bundle_malformed",
            Self::SchemaVersion { .. } => "bundle_schema_version",
            Self::Catalogue { .. } => "bundle_catalogue",
            Self::Field { .. } => "bundle_field",
            Self::UnknownTask(_) => "bundle_unknown_task",
            Self::Causality { .. } => "bundle_causality",
            Self::Parity { .. } => "bundle_parity",
            Self::Leaks { .. } => "bundle_leaks",
            Self::Booster { .. } => "bundle_booster",
            Self::Shape { .. } => "bundle_shape",
            Self::Features { .. } => "bundle_features",
            Self::Transform { .. } => "bundle_transform",
            Self::GoldenRow { .. } => "bundle_golden_row",
            Self::NoGoldenRow { .. } => "bundle_no_golden_row",
            Self::ParityRow { .. } => "bundle_parity_row",
            Self::Interval { .. } => "bundle_interval",
            Self::Symbols { .. } => "bundle_symbols",
            Self::TooManyChallengers { .. } => "bundle_too_many_challengers",
        }
    }
}

fn list(symbols: &[Symbol]) -> String {
    symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ")
}
