//! The folder that holds everything one installation keeps.

use std::path::{Path, PathBuf};

use forecast::BundleDigest;

use crate::{
    DatabaseUrl, FolderObjects, GapStore, Journal, JournalRetention, KlineStore, ObjectStore, PostgresStore,
    Registry, SnapshotFile, SqliteStore, StoreError,
};

/// `DIR/klinecast.db` (klines, gap ledger, journal, registry; or a PostgreSQL database in its place), `DIR/bundles/`,
/// `DIR/bands/` and `DIR/forecaster.snapshot`. The trainer and the server open the same folder at the same time.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    database: Database,
    bundles: FolderObjects,
    snapshot: SnapshotFile,
}

/// Where klines, journal and registry are.
#[derive(Debug)]
enum Database {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Home {
    /// Opens a folder with a database of its own, making it and what belongs into it.
    ///
    /// # Errors
    /// When the folder can't be made, or holds a database that can't be opened.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_with(folder, None)
    }

    /// Opens a folder, with the database at an address in place of its own.
    ///
    /// # Errors
    /// When the folder can't be made, or the database can't be opened.
    pub fn open_with(folder: impl Into<PathBuf>, database: Option<&DatabaseUrl>) -> Result<Self, StoreError> {
        let folder = folder.into();
        let bundles = FolderObjects::open(folder.join("bundles"))?;
        let database = match database {
            None => Database::Sqlite(SqliteStore::open(folder.join("klinecast.db"))?),
            Some(url) => Database::Postgres(PostgresStore::open(url)?),
        };
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
        match &self.database {
            Database::Sqlite(store) => store,
            Database::Postgres(store) => store,
        }
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &dyn Journal {
        match &self.database {
            Database::Sqlite(store) => store,
            Database::Postgres(store) => store,
        }
    }

    /// What leaves the journal.
    #[must_use]
    pub fn retention(&self) -> &dyn JournalRetention {
        match &self.database {
            Database::Sqlite(store) => store,
            Database::Postgres(store) => store,
        }
    }

    /// The ledger of holes.
    #[must_use]
    pub fn gaps(&self) -> &dyn GapStore {
        match &self.database {
            Database::Sqlite(store) => store,
            Database::Postgres(store) => store,
        }
    }

    /// Lets the database in the folder grow by so many pages only; see [`crate::testkit::limit_growth`].
    #[cfg(feature = "test-support")]
    pub(crate) fn limit_growth(&self, pages: Option<u32>) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(store) => store.limit_growth(pages),
            Database::Postgres(_) => Ok(()),
        }
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

    /// The file of a bundle's renewed bands.
    #[must_use]
    pub fn bands(&self, bundle: BundleDigest) -> SnapshotFile {
        SnapshotFile::new(self.folder.join("bands").join(format!("{bundle}.json")))
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &dyn Registry {
        match &self.database {
            Database::Sqlite(store) => store,
            Database::Postgres(store) => store,
        }
    }
}
