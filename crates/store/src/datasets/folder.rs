//! Datasets in a folder: `<root>/<digest>/<file>`.

use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use kline::Milliseconds;

use super::{Dataset, DatasetDigest, DatasetStore, MANIFEST, Reader, newest_first};
use crate::StoreError;
use crate::objects::folder;

/// A folder of datasets, which is made with the first one.
#[derive(Debug, Clone)]
pub struct FolderDatasets {
    root: PathBuf,
    place: String,
}

impl FolderDatasets {
    /// The datasets of a folder.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { place: root.display().to_string(), root }
    }

    const fn reader(&self, digest: DatasetDigest) -> Reader<'_> {
        Reader { digest, place: self.place.as_str() }
    }
}

impl DatasetStore for FolderDatasets {
    fn put(&self, dataset: &Dataset) -> Result<bool, StoreError> {
        let digest = dataset.manifest.dataset;
        let manifest = self.root.join(digest.to_string()).join(MANIFEST);
        if manifest.exists() {
            let bytes = fs::read(&manifest).map_err(folder::at("reading", &manifest))?;
            return self.reader(digest).manifest(&bytes).map(|_| false);
        }
        fs::create_dir_all(&self.root).map_err(folder::at("making folder", &self.root))?;
        folder::keep(&self.root, &digest.to_string(), &dataset.kept()?).map(|()| true)
    }

    fn get(&self, digest: DatasetDigest) -> Result<Dataset, StoreError> {
        let (place, reader) = (self.root.join(digest.to_string()), self.reader(digest));
        if !place.is_dir() {
            return Err(reader.missing());
        }
        let read = || {
            let found = folder::read(&place)?;
            let manifest =
                found.get(MANIFEST).ok_or_else(|| reader.damaged(MANIFEST, super::FileFault::Missing))?;
            reader.dataset(reader.manifest(manifest)?, found)
        };
        // One that was taken away while it was read is not damaged.
        read().map_err(|error| if place.is_dir() { error } else { reader.missing() })
    }

    fn list(&self) -> Result<Vec<(DatasetDigest, Milliseconds)>, StoreError> {
        let failed = |error| folder::at("listing", &self.root)(error);
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(digest) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let written = entry.metadata().and_then(|about| about.modified()).map_err(failed)?;
            let since = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            found.push((digest, Milliseconds::try_from(since).unwrap_or(Milliseconds::MAX)));
        }
        Ok(newest_first(found))
    }

    fn remove(&self, digest: DatasetDigest) -> Result<(), StoreError> {
        folder::remove(&self.root, &digest.to_string())
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}
