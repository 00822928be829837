//! Files that are replaced as a whole: the one that a Forecaster's state is saved in, and those of renewed bands.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// A file that is replaced as a whole: readers, and a restart after a crash at any moment, see the old content or the new
/// one. What the bytes say, and whether they are sound, is their owner's business.
#[derive(Debug)]
pub struct SnapshotFile(PathBuf);

impl SnapshotFile {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The content; `None` if none was ever written.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match fs::read(&self.0) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed("reading", source)),
        }
    }

    /// Replaces the content: written beside it, flushed to disk, renamed over it.
    ///
    /// # Errors
    /// When the disk is full or the folder can't be written; the old content stays.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|source| self.failed("making the folder of", source))?;
        let filling = self.0.with_extension(format!("filling-{}", std::process::id()));
        let written = File::create(&filling)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&filling, &self.0));
        if let Err(source) = written {
            // What is left of a file that could not be filled is of no use; the first error is the one that tells.
            let _ = fs::remove_file(&filling);
            return Err(self.failed("replacing", source));
        }
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| self.failed("flushing the folder of", source))
    }

    fn failed(&self, action: &'static str, source: std::io::Error) -> StoreError {
        StoreError::Files { action, path: self.0.clone(), source }
    }
}
