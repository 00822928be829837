//! The tables, version by version.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::failed;
use crate::StoreError;

/// Each entry brings a database from the version of its index to the next one. Entries are never changed, only
/// added.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE klines (
        symbol TEXT NOT NULL,
        interval TEXT NOT NULL,
        open_time INTEGER NOT NULL,
        open REAL NOT NULL,
        high REAL NOT NULL,
        low REAL NOT NULL,
        close REAL NOT NULL,
        volume REAL NOT NULL,
        quote_volume REAL,
        trades INTEGER,
        taker_base REAL,
        taker_quote REAL,
        PRIMARY KEY (interval, symbol, open_time)
    ) WITHOUT ROWID;
    CREATE TABLE predictions (
        bar_time INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        bundle TEXT NOT NULL,
        revision INTEGER NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (bar_time, symbol, bundle, revision)
    ) WITHOUT ROWID;
    CREATE TABLE resolutions (
        bar_time INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        bundle TEXT NOT NULL,
        task TEXT NOT NULL,
        revision INTEGER NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (bar_time, symbol, bundle, task, revision)
    ) WITHOUT ROWID;
    CREATE TABLE models (
        version INTEGER PRIMARY KEY AUTOINCREMENT,
        bundle TEXT NOT NULL UNIQUE,
        stage TEXT NOT NULL,
        registered_at INTEGER NOT NULL,
        metrics TEXT NOT NULL
    );
    CREATE TABLE aliases (
        alias TEXT PRIMARY KEY,
        version INTEGER NOT NULL REFERENCES models (version)
    ) WITHOUT ROWID;
    CREATE TABLE registry_history (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        version INTEGER NOT NULL,
        change TEXT NOT NULL
    );
", "
    -- The first records did not say what their answers are compared with, and stood in no chain. They are kept, not read.
    ALTER TABLE predictions RENAME TO predictions_of_schema_1;
    ALTER TABLE resolutions RENAME TO resolutions_of_schema_1;
    CREATE TABLE predictions (
        bar_time INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        bundle TEXT NOT NULL,
        revision INTEGER NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (bar_time, symbol, bundle, revision)
    ) WITHOUT ROWID;
    CREATE TABLE resolutions (
        bar_time INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        bundle TEXT NOT NULL,
        task TEXT NOT NULL,
        revision INTEGER NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (bar_time, symbol, bundle, task, revision)
    ) WITHOUT ROWID;
    -- In the order of writing; a prediction's task is empty.
    CREATE TABLE journal_chain (
        number INTEGER PRIMARY KEY,
        bar_time INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        bundle TEXT NOT NULL,
        task TEXT NOT NULL,
        revision INTEGER NOT NULL,
        hash BLOB NOT NULL
    );
    CREATE UNIQUE INDEX journal_chain_keys ON journal_chain (bar_time, symbol, bundle, task, revision);
", "
    CREATE TABLE gaps (
        interval TEXT NOT NULL,
        symbol TEXT NOT NULL,
        bar_time INTEGER NOT NULL,
        noticed_at INTEGER NOT NULL,
        state TEXT NOT NULL,
        settled_at INTEGER,
        source TEXT,
        PRIMARY KEY (interval, symbol, bar_time)
    ) WITHOUT ROWID;
", "
    -- Places in the journal's chain: the last record that was dropped, the last that was exported.
    CREATE TABLE journal_marks (
        mark TEXT PRIMARY KEY,
        number INTEGER NOT NULL,
        hash BLOB NOT NULL,
        before_ms INTEGER,
        place TEXT
    ) WITHOUT ROWID;
", "
    CREATE TABLE feature_catalogues (
        catalogue TEXT PRIMARY KEY,
        recorded_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE features (
        catalogue TEXT NOT NULL REFERENCES feature_catalogues (catalogue),
        place INTEGER NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        unit TEXT NOT NULL,
        window_bars INTEGER NOT NULL,
        warm_up_bars INTEGER NOT NULL,
        inputs TEXT NOT NULL,
        definition TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (catalogue, place)
    ) WITHOUT ROWID;
    -- The rows of each data version, and how each feature is distributed over them; lists are JSON.
    CREATE TABLE feature_versions (
        data_version TEXT NOT NULL,
        catalogue TEXT NOT NULL,
        interval TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        from_ms INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        row_count INTEGER NOT NULL,
        PRIMARY KEY (data_version, catalogue)
    ) WITHOUT ROWID;
    CREATE TABLE feature_statistics (
        data_version TEXT NOT NULL,
        catalogue TEXT NOT NULL,
        place INTEGER NOT NULL,
        name TEXT NOT NULL,
        missing REAL NOT NULL,
        edges TEXT NOT NULL,
        below TEXT NOT NULL,
        PRIMARY KEY (data_version, catalogue, place)
    ) WITHOUT ROWID;
"];

/// Brings the schema up to date, in one transaction.
pub(super) fn bring_up_to_date(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed(path, "starting the schema's transaction"))?;
    let found: u32 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed(path, "reading the schema's version"))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::NewerSchema { database: path.display().to_string(), found, known });
    }
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration).map_err(failed(path, "making tables"))?;
    }
    transaction
        .pragma_update(None, "user_version", known)
        .map_err(failed(path, "noting the schema's version"))?;
    transaction.commit().map_err(failed(path, "committing the schema"))
}
