//! Bundles as files under their digest.

pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod s3;

use std::collections::BTreeMap;

use forecast::{Bundle, BundleDigest};

use crate::StoreError;

pub use files::FileFault;
pub use folder::FolderObjects;
pub use s3::{S3Fault, S3Objects, S3Parts, S3Place};

/// Keeps bundles, content-addressed and immutable: in a folder, or in a bucket of an S3 server.
pub trait ObjectStore: Send + Sync {
    /// Keeps a bundle; one that is there already is left as it is. It is visible only when it is whole.
    ///
    /// # Errors
    /// When the store can't be written.
    fn put_bundle(&self, bundle: &Bundle) -> Result<BundleDigest, StoreError>;

    /// A bundle's files by their path within it. Only the manifest's digest is checked here: every other file is
    /// checked by [`Bundle::from_files`].
    ///
    /// # Errors
    /// When there is no such bundle, or its manifest is not the one that it is named by.
    fn get(&self, digest: BundleDigest) -> Result<BTreeMap<String, Vec<u8>>, StoreError>;

    /// A bundle's manifest alone, by its digest the right one.
    ///
    /// # Errors
    /// As [`ObjectStore::get`].
    fn manifest(&self, digest: BundleDigest) -> Result<Vec<u8>, StoreError>;

    /// Every kept bundle, sorted.
    ///
    /// # Errors
    /// When the store can't be read.
    fn list(&self) -> Result<Vec<BundleDigest>, StoreError>;

    /// Takes a bundle away, in a bucket too, with the copy that is kept here; one that is not there is no fault. From the first
    /// moment on a reader hears that it is not there; what is broken off is listed no more, and taken away by the same again.
    ///
    /// # Errors
    /// When the store can't be written, or the key may not remove anything.
    fn remove(&self, digest: BundleDigest) -> Result<(), StoreError>;
}
