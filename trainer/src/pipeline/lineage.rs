//! `lineage`, and what is written down for it.

use std::time::Instant;

use forecast::BundleDigest;

use super::Pipeline;
use crate::Result;
use crate::clock::now;
use crate::lineage::{self, Origin, lineage_table};
use crate::machine::{Code, host};
use crate::runs::{Parent, StageRecord};

impl Pipeline {
    /// Answers why a model is what it is: of a version, of a digest or its beginning, or of the champion.
    pub(super) fn lineage(&self, model: Option<&str>) -> Result<()> {
        let started = Instant::now();
        let version = model.filter(|text| text.len() < 8).and_then(|text| text.parse().ok());
        let bundle = match version {
            Some(version) => self.home.registry().version(version)?.bundle,
            None => self.bundle_named(model)?,
        };
        let found = lineage::lineage(&self.home, bundle)?;
        self.console.report("lineage", started, &found, || lineage_table(&found));
        Ok(())
    }

    /// The champion of now.
    pub(super) fn champion(&self) -> Result<Option<Parent>> {
        let champion = self.home.registry().champion()?;
        Ok(champion.map(|model| Parent { version: model.version, bundle: model.bundle }))
    }

    /// What is written down of a publication, here and now.
    pub(super) fn origin(&self, stages: Vec<StageRecord>) -> Origin {
        Origin {
            program: Code::of_this(),
            host: host(),
            published_at: now(),
            run: None,
            parent: None,
            stages,
        }
    }

    pub(super) fn keep_origin(&self, bundle: BundleDigest, origin: &Origin) -> Result<()> {
        lineage::keep_origin(self.home.folder(), bundle, origin)
    }
}
