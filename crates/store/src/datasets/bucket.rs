//! Datasets in a bucket of any S3 server: `<prefix>/<digest>/<file>`, the manifest written last.

use std::collections::BTreeMap;

use kline::Milliseconds;

use super::{Dataset, DatasetDigest, DatasetStore, FileFault, MANIFEST, Reader, newest_first};
use crate::objects::s3::bucket::Bucket;
use crate::{S3Place, StoreError};

const READING: &str = "reading a dataset";

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
        let (name, reader) = (digest.to_string(), self.reader(digest));
        let manifest = self.bucket.read(READING, &name, MANIFEST)?.ok_or_else(|| reader.missing())?;
        let manifest = reader.manifest(&manifest)?;
        let files = self.bucket.read_all(READING, &name, manifest.files.keys().cloned().collect())?;
        let there: BTreeMap<String, Vec<u8>> =
            files.into_iter().filter_map(|(name, bytes)| Some((name, bytes?.to_vec()))).collect();
        match reader.dataset(manifest, there) {
            // Its files go before its manifest: one that was taken away while it was read is not damaged.
            Err(StoreError::DamagedDataset { fault: FileFault::Missing, .. })
                if self.bucket.read(READING, &name, MANIFEST)?.is_none() =>
            {
                Err(reader.missing())
            }
            read => read,
        }
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
