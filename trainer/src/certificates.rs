//! What the audits certified of a bundle, for the gates: that its rows are made from the past alone, that its boosters answer as the
//! original libraries do, and that canaries found no leak.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use features::Catalogue;
use forecast::{
    Bundle, BundleError, CAUSALITY_FILE, CausalityCertificate, LEAKS_FILE, LeaksCertificate, PARITY_FILE,
    ParityCertificate,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::artefact::read_json;
use crate::trained::{BoosterFile, Trained};
use crate::{Result, TrainerError};

/// A certificate that can be demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// Features look only back, outcomes only ahead: in the bundle.
    Causality,
    /// The forest answers the original libraries' bits: in the bundle.
    Parity,
    /// Shuffled outcomes give nothing, a planted future is caught: in the bundle where canaries were listened to before it was
    /// published, or in the home, where `audit leaks` left it.
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
            BundleError::Leaks { .. } => Some(Self::Leaks),
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

/// What the audits found of models that are about to be published.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// On the klines.
    pub causality: CausalityCertificate,
    /// On the trained boosters.
    pub parity: ParityCertificate,
    /// On models that were to know nothing, or too much, if they were listened to.
    pub leaks: Option<LeaksCertificate>,
}

impl Certificates {
    /// Whether all of them speak for what training left behind.
    ///
    /// # Errors
    /// The first that does not.
    pub fn require(&self, trained: &Trained) -> Result<()> {
        let catalogue = Catalogue::standard().hash().to_string();
        if let Some(problem) = self.causality.problem(&catalogue, &trained.plan.data_version) {
            return Err(TrainerError::Certificate { problem });
        }
        let speaks = |leaks: &LeaksCertificate| leaks.problem(&catalogue, &trained.plan.data_version);
        if let Some(problem) = self.leaks.as_ref().and_then(speaks) {
            return Err(BundleError::Leaks { problem }.into());
        }
        let sum = |file: BoosterFile<'_>| (file.name, hex::encode(Sha256::digest(file.served)));
        let boosters = BoosterFile::of_trained(trained).into_iter().map(sum).collect();
        match self.parity.problem(&boosters) {
            Some(problem) => Err(TrainerError::ParityCertificate { problem }),
            None => Ok(()),
        }
    }

    /// What each proves, for the model card.
    pub(crate) fn proofs(&self) -> Vec<(Certificate, String)> {
        let always = [
            (Certificate::Causality, of_causality(&self.causality)),
            (Certificate::Parity, of_parity(&self.parity)),
        ];
        let leaks = self.leaks.iter().map(|leaks| (Certificate::Leaks, of_leaks(leaks)));
        always.into_iter().chain(leaks).collect()
    }
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
    let (catalogue, data_version) = (&manifest.catalogue_hash, &manifest.data_version);
    let causality = bundle.causality();
    let causal =
        line(Certificate::Causality, causality.problem(catalogue, data_version), of_causality(causality));
    let entries = manifest.tasks.iter().flat_map(|entry| [&entry.lightgbm.file, &entry.xgboost.file]);
    let sums: BTreeMap<String, String> =
        entries.filter_map(|file| Some((file.clone(), manifest.files.get(file)?.sha256.clone()))).collect();
    let parity = bundle.parity();
    let equal = line(Certificate::Parity, parity.problem(&sums), of_parity(parity));
    let remedy = |problem: String| format!("{problem}; run `klinecast-trainer audit leaks`");
    let at_home = leaks_at_home(training)?;
    // What was heard later on the same klines counts against what a bundle carries: no leak passes by an older certificate.
    let told_of_since = |leaks: &&LeaksCertificate| {
        leaks.leak().is_some() && leaks.stranger(catalogue, data_version).is_none()
    };
    let leaks = at_home.as_ref().filter(told_of_since).or_else(|| bundle.leaks()).or(at_home.as_ref());
    let sealed = match leaks {
        None => line(
            Certificate::Leaks,
            Some(remedy("is neither in the bundle nor in this home".to_owned())),
            String::new(),
        ),
        Some(leaks) => {
            line(Certificate::Leaks, leaks.problem(catalogue, data_version).map(remedy), of_leaks(leaks))
        }
    };
    Ok(vec![causal, equal, sealed])
}

/// What canaries showed last in this home; none if nobody listened.
///
/// # Errors
/// When the file can't be read.
pub(crate) fn leaks_at_home(training: &Path) -> Result<Option<LeaksCertificate>> {
    match read_json(&training.join(LEAKS_FILE), "audit leaks") {
        Err(TrainerError::MissingStage { .. }) => Ok(None),
        read => read.map(Some),
    }
}

fn of_causality(causality: &CausalityCertificate) -> String {
    let compared = [causality.ahead, causality.back, causality.inputs];
    let copies: u64 = compared.iter().map(|one| one.copies).sum();
    let rows: u64 = compared.iter().map(|one| one.rows).sum();
    format!(
        "{rows} rows of {copies} changed copies of the klines; {} features and {} inputs proven",
        causality.features_alive, causality.inputs_proven
    )
}

fn of_parity(parity: &ParityCertificate) -> String {
    let cells: u64 = parity.boosters.iter().map(|one| one.cells).sum();
    let splits: u64 = parity.boosters.iter().map(|one| one.splits_stood_on).sum();
    let boosters = parity.boosters.len();
    format!("{cells} numbers of {boosters} boosters are the libraries', rows stood on {splits} splits")
}

fn of_leaks(leaks: &LeaksCertificate) -> String {
    format!("{} canaries are as they have to be", leaks.canaries.len())
}
