//! The default database: one SQLite file with a write-ahead log.

mod chain;
mod features;
mod gaps;
mod journal;
mod klines;
mod registry;
mod retention;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::StoreError;

/// How long a statement waits for another process before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Klines, journal and registry in one file. Safe to open from several processes at once.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl SqliteStore {
    /// Opens a file, making it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// When it can't be opened, or was written by a newer program.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Files {
                action: "making folder",
                path: folder.to_owned(),
                source,
            })?;
        }
        let mut connection = Connection::open(&path).map_err(failed(&path, "opening"))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed(&path, "setting the time-out"))?;
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.pragma_update(None, "synchronous", "full"))
            .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
            .map_err(failed(&path, "switching to the write-ahead log"))?;
        schema::bring_up_to_date(&mut connection, &path)?;
        Ok(Self { path, connection: Mutex::new(connection) })
    }

    fn lock(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        self.connection.lock().map_err(|_| StoreError::Poisoned)
    }

    /// Runs `work` in one transaction that takes the write lock at once, so that two processes queue up rather than
    /// fail.
    fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock()?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed(&self.path, action))?;
        let answer = work(&transaction)?;
        transaction.commit().map_err(failed(&self.path, action))?;
        Ok(answer)
    }

    /// Lets the file grow by so many pages only, as on a full disk; `None` lifts that.
    #[cfg(feature = "test-support")]
    pub(crate) fn limit_growth(&self, pages: Option<u32>) -> Result<(), StoreError> {
        let connection = self.lock()?;
        let now = connection.pragma_query_value(None, "page_count", |row| row.get::<_, u32>(0));
        let limit = now.map(|now| pages.map_or(u32::MAX - 1, |pages| now.saturating_add(pages)));
        limit
            .and_then(|limit| connection.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(())))
            .map_err(self.failed("limiting the file"))
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError + use<> {
        failed(&self.path, action)
    }
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Database { path, action, source }
}
