//! What the audits certified of a bundle, for the gates: that its rows are made from the past alone, that its boosters answer as the
//! original libraries do, and that canaries found no leak.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use forecast::{Bundle, BundleError, CAUSALITY_FILE, PARITY_FILE};
use serde::{Deserialize, Serialize};

use crate::artefact::read_json;
use crate::audit::{LEAKS_FILE, Leaks};
use crate::{Result, TrainerError};

/// A certificate that can be demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// Features look only back, outcomes only ahead: in the bundle.
    Causality,
    /// The forest answers the original libraries' bits: in the bundle.
    Parity,
    /// Shuffled outcomes give nothing, a planted future is caught: in the home, where `audit leaks` left it.
    Leaks,
}

impl Certificate {
    /// Its name, which is its gate's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Causality => "causality",
            Self::Parity => "parity",
            Self::Leaks => "leaks",
        }
    }

    /// Those that every bundle carries.
    #[must_use]
    pub fn carried() -> Vec<Self> {
        vec![Self::Causality, Self::Parity]
    }

    /// The certificate for lack of which a bundle does not hold.
    #[must_use]
    pub fn lacking(error: &BundleError) -> Option<Self> {
        match error {
            BundleError::Causality { .. } => Some(Self::Causality),
            BundleError::Parity { .. } | BundleError::ParityRow { .. } => Some(Self::Parity),
            BundleError::MissingFile { name } if name == CAUSALITY_FILE => Some(Self::Causality),
            BundleError::MissingFile { name } if name == PARITY_FILE => Some(Self::Parity),
            _ => None,
        }
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certified {
    /// Which.
    pub certificate: Certificate,
    /// Whether it is there and speaks for the bundle.
    pub holds: bool,
    /// What it proves, or what is missing.
    pub told: String,
}

/// What all certificates say of a bundle; `training` is the folder of artefacts of the home.
///
/// # Errors
/// When a file of the home can't be read.
pub fn certified(bundle: &Bundle, training: &Path) -> Result<Vec<Certified>> {
    let line = |certificate, problem: Option<String>, proof: String| Certified {
        certificate,
        holds: problem.is_none(),
        told: problem.map_or(proof, |problem| format!("the certificate {problem}")),
    };
    let manifest = bundle.manifest();
    let causality = bundle.causality();
    let copies = causality.ahead.copies + causality.back.copies + causality.inputs.copies;
    let rows = causality.ahead.rows + causality.back.rows + causality.inputs.rows;
    let of_causality = line(
        Certificate::Causality,
        causality.problem(&manifest.catalogue_hash, &manifest.data_version),
        format!(
            "{rows} rows of {copies} changed copies of the klines; {} features and {} inputs proven",
            causality.features_alive, causality.inputs_proven
        ),
    );
    let parity = bundle.parity();
    let entries = manifest.tasks.iter().flat_map(|entry| [&entry.lightgbm.file, &entry.xgboost.file]);
    let sums: BTreeMap<String, String> =
        entries.filter_map(|file| Some((file.clone(), manifest.files.get(file)?.sha256.clone()))).collect();
    let cells: u64 = parity.boosters.iter().map(|one| one.cells).sum();
    let splits: u64 = parity.boosters.iter().map(|one| one.splits_stood_on).sum();
    let of_parity = line(
        Certificate::Parity,
        parity.problem(&sums),
        format!(
            "{cells} numbers of {} boosters are the libraries', rows stood on {splits} splits",
            parity.boosters.len()
        ),
    );
    let leaks = match read_json::<Leaks>(&training.join(LEAKS_FILE), "audit leaks") {
        Err(TrainerError::MissingStage { .. }) => None,
        read => Some(read?),
    };
    let of_leaks = match leaks {
        None => line(Certificate::Leaks, Some(no_leaks("is not in this home")), String::new()),
        Some(leaks) => line(
            Certificate::Leaks,
            leaks.problem(&manifest.catalogue_hash, &manifest.data_version).map(|told| no_leaks(&told)),
            format!("{} canaries are as they have to be", leaks.canaries.len()),
        ),
    };
    Ok(vec![of_causality, of_parity, of_leaks])
}

fn no_leaks(problem: &str) -> String {
    format!("{problem}; run `klinecast-trainer audit leaks`")
}
