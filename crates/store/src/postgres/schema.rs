//! The tables, version by version.

use std::time::Duration;

use super::{PostgresStore, Repeat};
use crate::StoreError;

/// Each entry brings a database from the version of its index to the next one. Entries are never changed, only
/// added. Texts are compared byte by byte, as SQLite does.
const MIGRATIONS: &[&str] = &[
    r#"
    CREATE TABLE klines (
        symbol TEXT COLLATE "C" NOT NULL,
        interval TEXT COLLATE "C" NOT NULL,
        open_time BIGINT NOT NULL,
        open DOUBLE PRECISION NOT NULL,
        high DOUBLE PRECISION NOT NULL,
        low DOUBLE PRECISION NOT NULL,
        close DOUBLE PRECISION NOT NULL,
        volume DOUBLE PRECISION NOT NULL,
        quote_volume DOUBLE PRECISION,
        trades BIGINT,
        taker_base DOUBLE PRECISION,
        taker_quote DOUBLE PRECISION,
        PRIMARY KEY (interval, symbol, open_time)
    );
    CREATE TABLE predictions (
        bar_time BIGINT NOT NULL,
        symbol TEXT COLLATE "C" NOT NULL,
        bundle TEXT COLLATE "C" NOT NULL,
        revision BIGINT NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (bar_time, symbol, bundle, revision)
    );
    CREATE TABLE resolutions (
        bar_time BIGINT NOT NULL,
        symbol TEXT COLLATE "C" NOT NULL,
        bundle TEXT COLLATE "C" NOT NULL,
        task TEXT COLLATE "C" NOT NULL,
        revision BIGINT NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (bar_time, symbol, bundle, task, revision)
    );
    -- In the order of writing; a prediction's task is empty.
    CREATE TABLE journal_chain (
        number BIGINT PRIMARY KEY,
        bar_time BIGINT NOT NULL,
        symbol TEXT COLLATE "C" NOT NULL,
        bundle TEXT COLLATE "C" NOT NULL,
        task TEXT COLLATE "C" NOT NULL,
        revision BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        UNIQUE (bar_time, symbol, bundle, task, revision)
    );
    CREATE TABLE models (
        version BIGINT PRIMARY KEY,
        bundle TEXT NOT NULL UNIQUE,
        stage TEXT NOT NULL,
        registered_at BIGINT NOT NULL,
        metrics TEXT NOT NULL
    );
    CREATE TABLE aliases (
        alias TEXT PRIMARY KEY,
        version BIGINT NOT NULL REFERENCES models (version)
    );
    CREATE TABLE registry_history (
        number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at BIGINT NOT NULL,
        version BIGINT NOT NULL,
        change TEXT NOT NULL
    );
"#,
    r#"
    CREATE TABLE gaps (
        interval TEXT COLLATE "C" NOT NULL,
        symbol TEXT COLLATE "C" NOT NULL,
        bar_time BIGINT NOT NULL,
        noticed_at BIGINT NOT NULL,
        state TEXT NOT NULL,
        settled_at BIGINT,
        source TEXT,
        PRIMARY KEY (interval, symbol, bar_time)
    );
"#,
    r#"
    -- Places in the journal's chain: the last record that was dropped, the last that was exported.
    CREATE TABLE journal_marks (
        mark TEXT PRIMARY KEY,
        number BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        before_ms BIGINT,
        place TEXT
    );
"#,
    r#"
    CREATE TABLE feature_catalogues (
        catalogue TEXT PRIMARY KEY,
        recorded_at BIGINT NOT NULL
    );
    CREATE TABLE features (
        catalogue TEXT NOT NULL REFERENCES feature_catalogues (catalogue),
        place BIGINT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        unit TEXT NOT NULL,
        window_bars BIGINT NOT NULL,
        warm_up_bars BIGINT NOT NULL,
        inputs TEXT NOT NULL,
        definition TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (catalogue, place)
    );
    -- The rows of each data version, and how each feature is distributed over them; lists are JSON.
    CREATE TABLE feature_versions (
        data_version TEXT COLLATE "C" NOT NULL,
        catalogue TEXT COLLATE "C" NOT NULL,
        interval TEXT NOT NULL,
        made_at BIGINT NOT NULL,
        from_ms BIGINT NOT NULL,
        until_ms BIGINT NOT NULL,
        row_count BIGINT NOT NULL,
        PRIMARY KEY (data_version, catalogue)
    );
    CREATE TABLE feature_statistics (
        data_version TEXT COLLATE "C" NOT NULL,
        catalogue TEXT COLLATE "C" NOT NULL,
        place BIGINT NOT NULL,
        name TEXT NOT NULL,
        missing DOUBLE PRECISION NOT NULL,
        edges TEXT NOT NULL,
        below TEXT NOT NULL,
        PRIMARY KEY (data_version, catalogue, place)
    );
"#,
];

/// Held for a transaction by who makes tables, so that programs that start together queue up.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('klinecast schema ' || $1, 0))";

/// Brings the schema up to date, in one transaction.
pub(super) fn bring_up_to_date(store: &PostgresStore) -> Result<(), StoreError> {
    let name = store.pool.url().schema();
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    // Who starts with a wrong address is told so at once.
    store.write_within(Duration::ZERO, "opening", Repeat::Harmless, async |session| {
        let lock = session.statement(LOCK).await?;
        session.client.query(&lock, &[&name]).await?;
        let there = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1::text)";
        let there: bool = session.client.query_one(there, &[&name]).await?.get(0);
        if !there {
            session.client.batch_execute(&format!("CREATE SCHEMA {name}")).await?;
        }
        let there = "SELECT to_regclass('schema_version') IS NOT NULL";
        let there: bool = session.client.query_one(there, &[]).await?.get(0);
        if !there {
            session.client.batch_execute("CREATE TABLE schema_version (version BIGINT NOT NULL)").await?;
        }
        let row = session.client.query_opt("SELECT max(version) FROM schema_version", &[]).await?;
        let found: Option<i64> = row.and_then(|row| row.get(0));
        let found = found.and_then(|found| u32::try_from(found).ok()).unwrap_or(0);
        if found > known {
            return Err(StoreError::NewerSchema { database: store.shown.clone(), found, known }.into());
        }
        for migration in MIGRATIONS.iter().skip(found as usize) {
            session.client.batch_execute(migration).await?;
        }
        if found < known {
            let noted = "INSERT INTO schema_version VALUES ($1)";
            session.client.execute(noted, &[&i64::from(known)]).await?;
        }
        Ok(())
    })
}
