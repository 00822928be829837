//! What an audit of parity found: a part of every bundle, so that whoever serves it need not take on trust that the
//! boosters answer what the libraries that trained them answer, and can ask some of the rows again.

use std::collections::BTreeMap;

use forest::Booster;
use serde::{Deserialize, Serialize};

use super::{BundleError, HexFloats, Manifest, PARITY_FILE};

/// The layout of `parity.json` that this crate writes and reads.
pub const PARITY_SCHEMA_VERSION: u32 = 1;

/// The contents of `parity.json`. Holds no wall-clock time: the same boosters, libraries and seed give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParityCertificate {
    /// Always [`PARITY_SCHEMA_VERSION`] when written.
    pub schema_version: u32,
    /// Whether nothing differed.
    pub passed: bool,
    /// The libraries that were asked, and their versions.
    pub libraries: BTreeMap<String, String>,
    /// The seed of the values that rows are filled with.
    pub seed: u64,
    /// Rows that every booster was asked: each value of each feature on or beside a threshold of any booster, and NaN,
    /// zeros and subnormal numbers, shuffled.
    pub mixed_rows: u64,
    /// Rows with values that are infinite, or too large for single precision. LightGBM alone was asked these,
    /// because XGBoost's matrices refuse infinite values.
    pub infinite_rows: u64,
    /// One entry a booster.
    pub boosters: Vec<BoosterParity>,
    /// SHA-256 of all rows and the libraries' answers, in hexadecimal digits.
    pub digest: String,
    /// Some of the rows, for whoever loads the bundle.
    pub sample: ParitySample,
    /// The first difference of each booster that has one.
    pub differences: Vec<ParityDifference>,
}

/// What was asked of one booster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoosterParity {
    /// Its path within the bundle.
    pub file: String,
    /// SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
    /// Distinct pairs of a feature and a threshold.
    pub thresholds: u64,
    /// Splits over all trees.
    pub splits: u64,
    /// Splits that rows came to and stood on, exactly and beside.
    pub splits_stood_on: u64,
    /// Splits that no row can come to and stand on.
    pub splits_out_of_reach: u64,
    /// Rows that the library and the forest were asked.
    pub rows: u64,
    /// The library's numbers that were compared: a margin and a prediction for each row and output.
    pub cells: u64,
    /// Predictions that are not the same bits but at most two steps apart, because the C library's `exp` differs on
    /// this machine.
    pub cells_within_2_ulp: u64,
}

/// Rows and what the original libraries answered before the link function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParitySample {
    /// The rows.
    pub rows: Vec<ParityRow>,
    /// One entry a booster.
    pub margins: Vec<ParityMargins>,
}

/// One row of the sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParityRow {
    /// How it was made.
    pub kind: ParityRowKind,
    /// Feature values in catalogue order.
    pub values: HexFloats,
}

/// How a row of the audit was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParityRowKind {
    /// It comes to one split of one booster and stands on it or beside it.
    Split,
    /// Every feature stands on or beside a threshold of any booster, or is NaN, zero or subnormal.
    Mixed,
    /// Some values are infinite or too large for single precision.
    Infinite,
}

/// One booster's answers to the sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParityMargins {
    /// The booster's path within the bundle.
    pub file: String,
    /// One list of outputs a row; empty for a row that its library refuses.
    pub margins: Vec<HexFloats>,
}

/// One booster that is not what its library says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParityDifference {
    /// The booster's path within the bundle.
    pub file: String,
    /// Which way of scoring differs at which row, with both values and where the row stands.
    pub detail: String,
}

impl std::fmt::Display for ParityDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.detail)
    }
}

impl ParityRow {
    /// Whether XGBoost's matrices refuse the row.
    #[must_use]
    pub fn infinite_in_single_precision(values: &[f64]) -> bool {
        values.iter().any(|value| (*value as f32).is_infinite())
    }
}

impl ParityCertificate {
    /// Why the certificate does not speak for boosters, given as the SHA-256 of each file, if it does not; the sentence
    /// goes on after "the parity certificate".
    #[must_use]
    pub fn problem(&self, boosters: &BTreeMap<String, String>) -> Option<String> {
        if self.schema_version != PARITY_SCHEMA_VERSION {
            let found = self.schema_version;
            return Some(format!("has schema version {found}, this build reads {PARITY_SCHEMA_VERSION}"));
        }
        if let Some(first) = self.differences.first() {
            return Some(format!("names {} differences, the first: {first}", self.differences.len()));
        }
        if !self.passed {
            return Some("did not pass".to_owned());
        }
        for one in &self.boosters {
            let BoosterParity { file, sha256: found, .. } = one;
            match boosters.get(file) {
                None => return Some(format!("is of {file}, which is not there")),
                Some(expected) if expected != found => {
                    return Some(format!("is of {file} with SHA-256 {found}, not {expected}"));
                }
                Some(_) => {}
            }
            let idle = one.rows == 0 || one.cells == 0;
            if idle || one.splits_stood_on + one.splits_out_of_reach != one.splits {
                let BoosterParity { splits_stood_on, splits, rows, .. } = one;
                return Some(format!(
                    "proves too little of {file}: {splits_stood_on} of {splits} splits, {rows} rows"
                ));
            }
        }
        let audited = |file: &String| self.boosters.iter().filter(|one| one.file == *file).count();
        let other = boosters.keys().find(|file| audited(file) != 1);
        other.map(|file| format!("says nothing of {file}, or says it twice"))
    }

    /// [`ParityCertificate::problem`] for the boosters of a manifest.
    pub(crate) fn check(&self, manifest: &Manifest) -> Result<(), BundleError> {
        let entries = manifest.tasks.iter().flat_map(|entry| [&entry.lightgbm, &entry.xgboost]);
        let sums = entries.filter_map(|booster| {
            Some((booster.file.clone(), manifest.files.get(&booster.file)?.sha256.clone()))
        });
        match self.problem(&sums.collect()) {
            None => Ok(()),
            Some(problem) => Err(BundleError::Parity { problem }),
        }
    }
}

impl ParitySample {
    /// Scores every row of the sample with a booster and compares bits.
    ///
    /// # Errors
    /// The first row that differs, or that there is none.
    pub(crate) fn check(&self, file: &str, booster: &Booster) -> Result<(), BundleError> {
        let lacks = |problem: String| BundleError::Parity { problem };
        let answers = self.margins.iter().find(|answers| answers.file == file);
        let margins = answers.map_or(&[][..], |answers| &answers.margins);
        if self.rows.is_empty() || margins.len() != self.rows.len() {
            let (rows, found) = (self.rows.len(), margins.len());
            return Err(lacks(format!("has {rows} sample rows, but {found} answers of {file}")));
        }
        let mut found = vec![f64::NAN; booster.output_count()];
        let mut asked = false;
        for (row, (ParityRow { values, .. }, expected)) in self.rows.iter().zip(margins).enumerate() {
            booster.margin(&values.0, &mut found).map_err(|error| BundleError::Malformed {
                name: PARITY_FILE.to_owned(),
                problem: format!("row {row}: {error}"),
            })?;
            let refused = booster.library() == forest::Library::XgBoost
                && ParityRow::infinite_in_single_precision(&values.0);
            if expected.0.is_empty() && refused {
                continue;
            }
            asked = true;
            if expected.0.len() != found.len() {
                let count = expected.0.len();
                return Err(lacks(format!("has {count} outputs of {file} for sample row {row}")));
            }
            for (&found, &expected) in found.iter().zip(&expected.0) {
                if found.to_bits() != expected.to_bits() {
                    let (name, library) = (file.to_owned(), booster.library().to_string());
                    return Err(BundleError::ParityRow { name, library, row, found, expected });
                }
            }
        }
        if asked { Ok(()) } else { Err(lacks(format!("has no sample row that {file} was asked"))) }
    }
}
