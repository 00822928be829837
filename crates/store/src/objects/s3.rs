//! Bundles in a bucket of any S3 server: `<prefix>/<digest>/<path within the bundle>`.
//!
//! The manifest names every other file by its hash and is written last, on condition that none is there: a bundle without it
//! is not seen, and of several writers one writes it. What was read or written is kept in the home's folder of bundles as
//! well: it is not fetched twice, and is there when the server is away.

pub(crate) mod bucket;
mod fault;
mod place;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use forecast::{Bundle, BundleDigest, MANIFEST_FILE};

use super::files::{self, FileFault};
use super::folder::FolderObjects;
use crate::web;
use crate::{ObjectStore, StoreError};
use bucket::Bucket;

pub use fault::S3Fault;
pub use place::{S3Parts, S3Place};

/// A bucket of bundles, and the folder in which those lie that were read or written here.
pub struct S3Objects {
    bucket: Bucket,
    kept: FolderObjects,
}

impl S3Objects {
    /// Bundles at a place, with a folder for copies. Nothing is sent yet.
    #[must_use]
    pub fn new(place: S3Place, kept: FolderObjects) -> Self {
        Self { bucket: Bucket::new(place), kept }
    }

    /// A bundle's manifest in the bucket; `None` if it is not there, whatever else of it may be.
    fn remote_manifest(&self, digest: BundleDigest) -> Result<Option<Bytes>, StoreError> {
        let manifest = self.bucket.read("reading a bundle", &digest.to_string(), MANIFEST_FILE)?;
        if let Some(bytes) = &manifest {
            let found = BundleDigest::of(bytes);
            if found != digest {
                return Err(StoreError::DamagedBundle { digest, found });
            }
        }
        Ok(manifest)
    }

    fn missing(&self, digest: BundleDigest) -> StoreError {
        StoreError::NoBundle { digest, place: PathBuf::from(self.bucket.place().to_string()) }
    }

    /// The bucket's copy, every file as the manifest has it. Its manifest goes before its files: one that was taken away while it
    /// was read has none when it is read again.
    fn fetch(&self, digest: BundleDigest) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        match self.fetch_once(digest) {
            Err(StoreError::DamagedFile { fault: FileFault::Missing, .. }) => self.fetch_once(digest),
            fetched => fetched,
        }
    }

    fn fetch_once(&self, digest: BundleDigest) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let manifest = self.remote_manifest(digest)?.ok_or_else(|| self.missing(digest))?;
        let names = files::names(digest, &manifest)?;
        let fetched = self.bucket.read_all("reading a bundle", &digest.to_string(), names)?;
        let mut found = BTreeMap::from([(MANIFEST_FILE.to_owned(), manifest.to_vec())]);
        for (name, bytes) in fetched {
            let missing =
                || StoreError::DamagedFile { digest, file: name.clone(), fault: FileFault::Missing };
            let bytes = bytes.ok_or_else(missing)?;
            found.insert(name, bytes.to_vec());
        }
        files::check(digest, &found)?;
        Ok(found)
    }

    /// Keeps a copy here; without one it is fetched again the next time.
    fn keep(&self, digest: BundleDigest, files: &BTreeMap<String, Vec<u8>>) {
        if let Err(error) = self.kept.put_files(digest, files) {
            let cause = web::causes(&error);
            tracing::warn!(bundle = %digest, %error, cause, "no copy of the bundle is kept here");
        }
    }
}

impl ObjectStore for S3Objects {
    fn put_bundle(&self, bundle: &Bundle) -> Result<BundleDigest, StoreError> {
        let digest = bundle.digest();
        if self.remote_manifest(digest)?.is_none() {
            self.bucket.write("writing a bundle", &digest.to_string(), bundle.files(), MANIFEST_FILE)?;
        }
        self.keep(digest, bundle.files());
        Ok(digest)
    }

    fn get(&self, digest: BundleDigest) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let kept = self.kept.get(digest).and_then(|found| files::check(digest, &found).map(|()| found));
        match kept {
            Ok(found) => return Ok(found),
            Err(StoreError::NoBundle { .. }) => {}
            Err(problem) => {
                tracing::warn!(bundle = %digest, %problem, "the copy here is fetched anew");
                // What can't be removed is not replaced; the bucket's copy is answered all the same.
                let _ = self.kept.remove(digest);
            }
        }
        let found = self.fetch(digest)?;
        self.keep(digest, &found);
        Ok(found)
    }

    fn manifest(&self, digest: BundleDigest) -> Result<Vec<u8>, StoreError> {
        if let Ok(manifest) = self.kept.manifest(digest) {
            return Ok(manifest);
        }
        self.bucket.require_not_away("reading a bundle")?;
        Ok(self.remote_manifest(digest)?.ok_or_else(|| self.missing(digest))?.to_vec())
    }

    fn list(&self) -> Result<Vec<BundleDigest>, StoreError> {
        let folders = self.bucket.folders("listing bundles", MANIFEST_FILE)?;
        let mut digests: Vec<BundleDigest> =
            folders.iter().filter_map(|folder| folder.name.parse().ok()).collect();
        digests.sort_unstable();
        Ok(digests)
    }

    fn remove(&self, digest: BundleDigest) -> Result<(), StoreError> {
        self.bucket.remove("removing a bundle", &digest.to_string(), MANIFEST_FILE)?;
        self.kept.remove(digest)
    }
}

impl fmt::Debug for S3Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Objects({})", self.bucket.place())
    }
}
