//! Datasets: the klines of a data version as files, kept under what they say, so that a model's data can be had again.
//!
//! A dataset is a folder `<digest>/`: files, and `manifest.json`, which names them by their SHA-256. It is never changed; what is
//! read is checked against the manifest, and by whoever reads the klines against the digest.

mod bucket;
mod folder;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use forecast::FileEntry;
use kline::{Interval, Milliseconds, Symbol};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::objects::files::{FileFault, is_inside};

pub use bucket::S3Datasets;
pub use folder::FolderDatasets;

const MANIFEST: &str = "manifest.json";

/// The name of a dataset: the SHA-256 of what its klines say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DatasetDigest(pub [u8; 32]);

/// A text that names no dataset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no data version; it is sha256: and 64 hexadecimal digits")]
pub struct DatasetDigestError(String);

impl fmt::Display for DatasetDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for DatasetDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DatasetDigest {
    type Err = DatasetDigestError;

    fn from_str(text: &str) -> Result<Self, DatasetDigestError> {
        let mut bytes = [0; 32];
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        hex::decode_to_slice(digits, &mut bytes)
            .map_err(|_| DatasetDigestError(text.chars().take(80).collect()))?;
        Ok(Self(bytes))
    }
}

impl From<DatasetDigest> for String {
    fn from(digest: DatasetDigest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for DatasetDigest {
    type Error = DatasetDigestError;

    fn try_from(text: String) -> Result<Self, DatasetDigestError> {
        text.parse()
    }
}

/// What a dataset holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetManifest {
    /// Its name.
    pub dataset: DatasetDigest,
    /// The step.
    pub interval: Interval,
    /// How many klines.
    pub klines: u64,
    /// The markets.
    pub symbols: Vec<Symbol>,
    /// Its files by their names.
    pub files: BTreeMap<String, FileEntry>,
}

/// A dataset: what it holds, and its files. Every file is as the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    manifest: DatasetManifest,
    files: BTreeMap<String, Vec<u8>>,
}

impl Dataset {
    /// Of files that hold so many klines of these markets, a flat list of names.
    #[must_use]
    pub fn new(
        dataset: DatasetDigest,
        interval: Interval,
        klines: u64,
        symbols: Vec<Symbol>,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Self {
        let entry = |bytes: &Vec<u8>| FileEntry {
            sha256: hex::encode(Sha256::digest(bytes)),
            size_bytes: bytes.len() as u64,
        };
        let entries = files.iter().map(|(name, bytes)| (name.clone(), entry(bytes))).collect();
        Self { manifest: DatasetManifest { dataset, interval, klines, symbols, files: entries }, files }
    }

    /// What it holds.
    #[must_use]
    pub const fn manifest(&self) -> &DatasetManifest {
        &self.manifest
    }

    /// Its files by their names.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The files and the manifest, as they are kept.
    fn kept(&self) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let encode = |source| StoreError::Encode { what: "dataset's manifest", source };
        let mut kept = self.files.clone();
        kept.insert(MANIFEST.to_owned(), serde_json::to_vec_pretty(&self.manifest).map_err(encode)?);
        Ok(kept)
    }
}

/// Keeps datasets.
pub trait DatasetStore: Send + Sync + fmt::Debug {
    /// Keeps a dataset; one that is there already is left as it is. It is visible only when it is whole. Answers whether it is new.
    ///
    /// # Errors
    /// When the place can't be written, or has a damaged one of that name.
    fn put(&self, dataset: &Dataset) -> Result<bool, StoreError>;

    /// A dataset, every file as its manifest says.
    ///
    /// # Errors
    /// When there is none of that name, or it is damaged.
    fn get(&self, digest: DatasetDigest) -> Result<Dataset, StoreError>;

    /// Every kept dataset and when it was written, Unix milliseconds; the newest first.
    ///
    /// # Errors
    /// When the place can't be read.
    fn list(&self) -> Result<Vec<(DatasetDigest, Milliseconds)>, StoreError>;

    /// Takes a dataset away; one that is not there is no fault. From the first moment on a reader hears that it is not there; what is
    /// broken off is listed no more, and taken away by the same again.
    ///
    /// # Errors
    /// When the place can't be written.
    fn remove(&self, digest: DatasetDigest) -> Result<(), StoreError>;

    /// Where they lie, without secrets.
    fn place(&self) -> String;
}

/// Says what is wrong with a dataset of a place.
#[derive(Debug, Clone, Copy)]
struct Reader<'a> {
    digest: DatasetDigest,
    place: &'a str,
}

impl Reader<'_> {
    fn missing(self) -> StoreError {
        StoreError::NoDataset { digest: self.digest, place: self.place.to_owned() }
    }

    fn damaged(self, file: &str, fault: FileFault) -> StoreError {
        let (place, file) = (self.place.to_owned(), file.to_owned());
        StoreError::DamagedDataset { digest: self.digest, place, file, fault }
    }

    /// A manifest that names this dataset, and no place outside of it.
    fn manifest(self, bytes: &[u8]) -> Result<DatasetManifest, StoreError> {
        let malformed = |file: &str| self.damaged(file, FileFault::Malformed);
        let manifest: DatasetManifest = serde_json::from_slice(bytes).map_err(|_| malformed(MANIFEST))?;
        if manifest.dataset != self.digest {
            return Err(malformed(MANIFEST));
        }
        match manifest.files.keys().find(|name| !is_inside(name)) {
            Some(name) => Err(malformed(name)),
            None => Ok(manifest),
        }
    }

    /// The dataset, if every file has the bytes that the manifest says.
    fn dataset(
        self,
        manifest: DatasetManifest,
        mut found: BTreeMap<String, Vec<u8>>,
    ) -> Result<Dataset, StoreError> {
        let mut files = BTreeMap::new();
        for (name, entry) in &manifest.files {
            let bytes = found.remove(name).ok_or_else(|| self.damaged(name, FileFault::Missing))?;
            if hex::encode(Sha256::digest(&bytes)) != entry.sha256 {
                return Err(self.damaged(name, FileFault::Changed));
            }
            files.insert(name.clone(), bytes);
        }
        Ok(Dataset { manifest, files })
    }
}

/// In the order that [`DatasetStore::list`] answers.
fn newest_first(mut found: Vec<(DatasetDigest, Milliseconds)>) -> Vec<(DatasetDigest, Milliseconds)> {
    found.sort_unstable_by_key(|(digest, written_at)| (std::cmp::Reverse(*written_at), *digest));
    found
}
