//! The audit of parity as a stage: of what training left behind, or of a bundle that is kept.

use std::time::Instant;

use forecast::{Bundle, BundleDigest, GoldenLibrary, PARITY_FILE, ParityCertificate};

use super::Pipeline;
use crate::args::ParityArguments;
use crate::artefact::write_json;
use crate::audit::{ParityReport, audit_parity, parity_table};
use crate::trained::{self, BoosterFile, Trained};
use crate::{Result, TrainerError};

const STAGE: &str = "audit parity";

impl Pipeline {
    pub(super) fn audit_parity_alone(&self, arguments: &ParityArguments) -> Result<()> {
        if arguments.trained {
            return self.audit_parity(&trained::load(&self.folder())?).map(drop);
        }
        self.audit_bundle(self.bundle_named(arguments.bundle.as_deref())?)
    }

    /// Audits what training left behind; keeps the certificate, a failed one too, so that nothing is published with an
    /// older one.
    pub(super) fn audit_parity(&self, trained: &Trained) -> Result<ParityCertificate> {
        let started = Instant::now();
        let found = audit_parity(&BoosterFile::of_trained(trained), trained.plan.seed, self.console)?;
        write_json(&self.folder().join(PARITY_FILE), &found)?;
        let report = ParityReport::of(&found);
        self.console.report(STAGE, started, &report, || parity_table(&report));
        require(&found)?;
        Ok(found)
    }

    /// Audits a bundle as it is kept, with the seed of its own certificate: the same libraries make the same one.
    fn audit_bundle(&self, digest: BundleDigest) -> Result<()> {
        let started = Instant::now();
        let bundle = Bundle::from_files(self.home.objects().get(digest)?)?;
        let file = |name: &str| bundle.files().get(name).map_or(&[][..], |bytes| bytes);
        let files: Vec<BoosterFile<'_>> = bundle
            .manifest()
            .tasks
            .iter()
            .flat_map(|entry| {
                [(GoldenLibrary::LightGbm, &entry.lightgbm), (GoldenLibrary::XgBoost, &entry.xgboost)]
                    .map(|(library, booster)| BoosterFile::new(entry.task, library, file(&booster.file)))
            })
            .collect();
        let found = audit_parity(&files, bundle.parity().seed, self.console)?;
        let same = found == *bundle.parity();
        let report = ParityReport::of(&found).in_bundle(digest, same);
        self.console.report(STAGE, started, &report, || parity_table(&report));
        if !same {
            self.console.warn(&format!(
                "the certificate differs from the one in bundle {}; other libraries or another C library answer here",
                digest.short()
            ));
        }
        require(&found)
    }

    /// The bundle whose digest begins so, or the champion.
    pub(super) fn bundle_named(&self, beginning: Option<&str>) -> Result<BundleDigest> {
        let home = || self.home.folder().to_owned();
        let Some(beginning) = beginning else {
            let champion = self.home.registry().champion()?;
            return champion
                .map(|model| model.bundle)
                .ok_or_else(|| TrainerError::NoChampion { home: home() });
        };
        let kept = self.home.objects().list()?;
        let fits = |digest: &&BundleDigest| digest.to_string().starts_with(&beginning.to_lowercase());
        match kept.iter().filter(fits).collect::<Vec<_>>().as_slice() {
            [digest] => Ok(**digest),
            found => {
                Err(TrainerError::BundleName { text: beginning.to_owned(), found: found.len(), home: home() })
            }
        }
    }
}

fn require(found: &ParityCertificate) -> Result<()> {
    if found.passed {
        return Ok(());
    }
    Err(TrainerError::Parity { differences: found.differences.iter().map(ToString::to_string).collect() })
}
