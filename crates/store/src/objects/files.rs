//! A bundle's files as its manifest names them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path};

use forecast::{BundleDigest, FileEntry, MANIFEST_FILE};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::StoreError;

/// What is wrong with a kept file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFault {
    /// It is not there.
    Missing,
    /// It has other bytes than the manifest says.
    Changed,
    /// The manifest can't be read, or names a place outside of the bundle.
    Malformed,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is not there",
            Self::Changed => "has other bytes than the manifest says",
            Self::Malformed => "is malformed",
        })
    }
}

/// The part of a manifest that is looked at here; what else it says depends on its version.
#[derive(Deserialize)]
struct Files {
    files: BTreeMap<String, FileEntry>,
}

fn read(digest: BundleDigest, manifest: &[u8]) -> Result<BTreeMap<String, FileEntry>, StoreError> {
    let malformed =
        |file: &str| StoreError::DamagedFile { digest, file: file.to_owned(), fault: FileFault::Malformed };
    let files = serde_json::from_slice::<Files>(manifest).map_err(|_| malformed(MANIFEST_FILE))?.files;
    match files.keys().find(|name| !is_inside(name)) {
        Some(name) => Err(malformed(name)),
        None => Ok(files),
    }
}

/// Whether a path stays within the bundle.
pub(crate) fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The names of all files but the manifest.
pub(super) fn names(digest: BundleDigest, manifest: &[u8]) -> Result<Vec<String>, StoreError> {
    Ok(read(digest, manifest)?.into_keys().collect())
}

/// Every file is there, and has the bytes that the manifest says.
pub(super) fn check(digest: BundleDigest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), StoreError> {
    let manifest = files.get(MANIFEST_FILE).map(Vec::as_slice).unwrap_or_default();
    for (file, entry) in read(digest, manifest)? {
        let fault = match files.get(&file) {
            None => FileFault::Missing,
            Some(bytes) if hex::encode(Sha256::digest(bytes)) != entry.sha256 => FileFault::Changed,
            Some(_) => continue,
        };
        return Err(StoreError::DamagedFile { digest, file, fault });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_names_a_place_outside_is_refused() {
        let digest = BundleDigest([0; 32]);
        for name in ["../x", "/etc/x", "a/../../x", ""] {
            let entry = r#"{"sha256": "", "size_bytes": 0}"#;
            let manifest = format!(r#"{{"files": {{{name:?}: {entry}}}, "more": 1}}"#);
            let refused = names(digest, manifest.as_bytes());
            assert!(
                matches!(refused, Err(StoreError::DamagedFile { fault: FileFault::Malformed, .. })),
                "{name}"
            );
        }
    }
}
