//! The folder that holds everything one installation keeps.

use std::path::{Path, PathBuf};

use crate::{
    FolderObjects, Journal, KlineStore, ObjectStore, Registry, SnapshotFile, SqliteStore, StoreError,
};

/// `DIR/klinecast.db` (klines, journal, registry), `DIR/bundles/` and `DIR/forecaster.snapshot`. The trainer and the server open the same
/// folder at the same time.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    database: SqliteStore,
    bundles: FolderObjects,
    snapshot: SnapshotFile,
}

impl Home {
    /// Opens a folder, making it and what belongs into it.
    ///
    /// # Errors
    /// When the folder can't be made, or holds a database that can't be opened.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.into();
        let bundles = FolderObjects::open(folder.join("bundles"))?;
        let database = SqliteStore::open(folder.join("klinecast.db"))?;
        let snapshot = SnapshotFile::new(folder.join("forecaster.snapshot"));
        Ok(Self { folder, database, bundles, snapshot })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The klines.
    #[must_use]
    pub fn klines(&self) -> &dyn KlineStore {
        &self.database
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &dyn Journal {
        &self.database
    }

    /// The bundles.
    #[must_use]
    pub fn objects(&self) -> &dyn ObjectStore {
        &self.bundles
    }

    /// The server's saved state.
    #[must_use]
    pub const fn snapshot(&self) -> &SnapshotFile {
        &self.snapshot
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &dyn Registry {
        &self.database
    }
}
