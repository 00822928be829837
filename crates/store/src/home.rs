//! The folder that holds everything one installation keeps.

use std::path::{Path, PathBuf};

use forecast::BundleDigest;

use crate::{
    FeatureStore, FolderObjects, GapStore, Journal, JournalRetention, KlineStore, Mlflow, MlflowRegistry,
    ObjectStore, Places, PostgresStore, Registry, S3Objects, SnapshotFile, SqliteStore, StoreError,
};

/// `DIR/klinecast.db` (klines, gap ledger, journal, registry; or a PostgreSQL database in its place), `DIR/bundles/`,
/// `DIR/bands/` and `DIR/forecaster.snapshot`. Bundles of a bucket have their copies in `DIR/bundles/`. The trainer and the server open the same folder at the same time.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    database: Database,
    bundles: Bundles,
    mlflow: Option<MlflowRegistry>,
    snapshot: SnapshotFile,
}

/// Where klines, journal and registry are.
#[derive(Debug)]
enum Database {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

/// Where the bundles are.
#[derive(Debug)]
enum Bundles {
    Folder(FolderObjects),
    S3(Box<S3Objects>),
}

impl Home {
    /// Opens a folder with a database of its own, making it and what belongs into it.
    ///
    /// # Errors
    /// When the folder can't be made, or holds a database that can't be opened.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_with(folder, &Places::default())
    }

    /// Opens a folder, with what is kept elsewhere. A bucket and MLflow are not asked before it is needed.
    ///
    /// # Errors
    /// When the folder can't be made, or the database can't be opened.
    pub fn open_with(folder: impl Into<PathBuf>, places: &Places) -> Result<Self, StoreError> {
        let folder = folder.into();
        let bundles = FolderObjects::open(folder.join("bundles"))?;
        let bundles = match &places.bundles {
            None => Bundles::Folder(bundles),
            Some(place) => Bundles::S3(Box::new(S3Objects::new(place.clone(), bundles))),
        };
        let database = match &places.database {
            None => Database::Sqlite(SqliteStore::open(folder.join("klinecast.db"))?),
            Some(url) => Database::Postgres(PostgresStore::open(url)?),
        };
        let mlflow = places.registry.clone().map(Mlflow::new).map(MlflowRegistry::new);
        let snapshot = SnapshotFile::new(folder.join("forecaster.snapshot"));
        Ok(Self { folder, database, bundles, mlflow, snapshot })
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

    /// The catalogues of features and their statistics.
    #[must_use]
    pub fn features(&self) -> &dyn FeatureStore {
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
        match &self.bundles {
            Bundles::Folder(objects) => objects,
            Bundles::S3(objects) => objects.as_ref(),
        }
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
        if let Some(registry) = &self.mlflow {
            return registry;
        }
        match &self.database {
            Database::Sqlite(store) => store,
            Database::Postgres(store) => store,
        }
    }

    /// The registry's MLflow, if it is one.
    #[must_use]
    pub const fn mlflow(&self) -> Option<&MlflowRegistry> {
        self.mlflow.as_ref()
    }
}
