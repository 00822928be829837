//! Datasets in a bucket of any S3 server: `<prefix>/<digest>/<file>`, the manifest written last.

use std::collections::BTreeMap;

use kline::Milliseconds;

use super::{Dataset, DatasetDigest, DatasetStore, FileFault, MANIFEST, Reader, newest_first};
use crate::objects::s3::bucket::Bucket;
use crate::{S3Place, StoreError};

const READING: &str = "reading a dataset";
/// How often one is read of which a file is missing.
const READINGS_MAX: usize = 3;

/// A bucket of datasets.
#[derive(Debug)]
pub struct S3Datasets {
    bucket: Bucket,
    place: String,
}

impl S3Datasets {
    /// Datasets at a place. Nothing is sent yet.
    #[must_use]
    pub fn new(place: S3Place) -> Self {
        Self { place: place.to_string(), bucket: Bucket::new(place) }
    }

    const fn reader(&self, digest: DatasetDigest) -> Reader<'_> {
        Reader { digest, place: self.place.as_str() }
    }

    fn read(&self, digest: DatasetDigest) -> Result<Dataset, StoreError> {
        let (name, reader) = (digest.to_string(), self.reader(digest));
        let manifest = self.bucket.read(READING, &name, MANIFEST)?.ok_or_else(|| reader.missing())?;
        let manifest = reader.manifest(&manifest)?;
        let files = self.bucket.read_all(READING, &name, manifest.files.keys().cloned().collect())?;
        let there: BTreeMap<String, Vec<u8>> =
            files.into_iter().filter_map(|(name, bytes)| Some((name, bytes?.to_vec()))).collect();
        reader.dataset(manifest, there)
    }
}

impl DatasetStore for S3Datasets {
    fn put(&self, dataset: &Dataset) -> Result<bool, StoreError> {
        let digest = dataset.manifest.dataset;
        let name = digest.to_string();
        if let Some(manifest) = self.bucket.read(READING, &name, MANIFEST)? {
            return self.reader(digest).manifest(&manifest).map(|_| false);
        }
        self.bucket.write("writing a dataset", &name, &dataset.kept()?, MANIFEST)?;
        Ok(true)
    }

    fn get(&self, digest: DatasetDigest) -> Result<Dataset, StoreError> {
        // Its manifest goes before its files: one that was taken away while it was read has none when it is read again. It may have
        // been kept anew meanwhile.
        for _ in 1..READINGS_MAX {
            match self.read(digest) {
                Err(StoreError::DamagedDataset { fault: FileFault::Missing, .. }) => {}
                read => return read,
            }
        }
        self.read(digest)
    }

    fn list(&self) -> Result<Vec<(DatasetDigest, Milliseconds)>, StoreError> {
        let folders = self.bucket.folders("listing datasets", MANIFEST)?;
        let named =
            folders.into_iter().filter_map(|folder| Some((folder.name.parse().ok()?, folder.written_at)));
        Ok(newest_first(named.collect()))
    }

    fn remove(&self, digest: DatasetDigest) -> Result<(), StoreError> {
        self.bucket.remove("removing a dataset", &digest.to_string(), MANIFEST)
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}
