//! What is about to be removed, written down before: a version leaves the registry before its bundle's files go, and a dataset's
//! manifest goes before its files, so that nobody would find what is left of a removal that was broken off.

use std::path::{Path, PathBuf};

use forecast::BundleDigest;
use serde::{Deserialize, Serialize};
use store::{DatasetDigest, DatasetStore, Home};

use crate::artefact::{read_json, write_durably};
use crate::{Result, TrainerError};

const FILE: &str = "pruning.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Named {
    bundles: Vec<BundleDigest>,
    datasets: Vec<DatasetDigest>,
}

/// The list of a home.
pub(super) struct Going {
    path: PathBuf,
    named: Named,
}

impl Going {
    /// What an earlier removal has written down and not come to the end of.
    pub(super) fn read(training: &Path) -> Result<Self> {
        let path = training.join(FILE);
        let named = match read_json(&path, "prune") {
            Err(TrainerError::MissingStage { .. }) => Named::default(),
            read => read?,
        };
        Ok(Self { path, named })
    }

    /// Removes what is left of it. What is whole and referred to was published again, or never touched.
    pub(super) fn complete(&mut self, home: &Home, datasets: Option<&dyn DatasetStore>) -> Result<()> {
        if !self.named.bundles.is_empty() {
            let registered: Vec<BundleDigest> =
                home.registry().versions()?.into_iter().map(|model| model.bundle).collect();
            for bundle in self.named.bundles.iter().filter(|bundle| !registered.contains(bundle)) {
                remove_bundle(home, *bundle)?;
            }
        }
        if let (Some(store), false) = (datasets, self.named.datasets.is_empty()) {
            let whole: Vec<DatasetDigest> = store.list()?.into_iter().map(|(digest, _)| digest).collect();
            for digest in self.named.datasets.iter().filter(|digest| !whole.contains(digest)) {
                store.remove(*digest)?;
            }
        }
        let datasets = if datasets.is_some() { Vec::new() } else { std::mem::take(&mut self.named.datasets) };
        self.write(Vec::new(), datasets)
    }

    /// Writes down what goes next, in the place of what was written before.
    pub(super) fn note(&mut self, bundles: Vec<BundleDigest>, datasets: Vec<DatasetDigest>) -> Result<()> {
        self.write(bundles, datasets)
    }

    fn write(&mut self, bundles: Vec<BundleDigest>, datasets: Vec<DatasetDigest>) -> Result<()> {
        self.named = Named { bundles, datasets };
        if self.named.bundles.is_empty() && self.named.datasets.is_empty() {
            return match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(removing(&self.path, error))
                }
                _ => Ok(()),
            };
        }
        let failed = |error| TrainerError::Io {
            path: self.path.clone(),
            act: "written",
            source: std::io::Error::other(error),
        };
        write_durably(&self.path, &serde_json::to_vec_pretty(&self.named).map_err(failed)?)
    }
}

/// A bundle's files, and what is kept beside them.
pub(super) fn remove_bundle(home: &Home, bundle: BundleDigest) -> Result<()> {
    home.objects().remove(bundle)?;
    let origin = crate::lineage::origin_file(home.folder(), bundle);
    match std::fs::remove_file(&origin) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(removing(&origin, error)),
        _ => Ok(()),
    }
}

pub(super) fn removing(path: &Path, source: std::io::Error) -> TrainerError {
    TrainerError::Io { path: path.to_owned(), act: "removed", source }
}
