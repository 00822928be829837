//! Bundles as files under their digest.

mod folder;

use std::collections::BTreeMap;

use forecast::{Bundle, BundleDigest};

use crate::StoreError;

pub use folder::FolderObjects;

/// Keeps bundles, content-addressed and immutable. Where S3 will stand beside a folder.
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

    /// Every kept bundle, sorted.
    ///
    /// # Errors
    /// When the store can't be read.
    fn list(&self) -> Result<Vec<BundleDigest>, StoreError>;
}
