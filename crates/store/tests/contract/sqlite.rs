//! SQLite.

use std::sync::Arc;

use forecast::JournalRecord;
use store::{Journal, JournalQuery, KlineStore, SqliteStore, StoreError};

use crate::retention;
use crate::suite::{self, Outcome, STEP, bar, kline, prediction, symbol};

fn sqlite() -> Result<(tempfile::TempDir, SqliteStore), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("klinecast.db"))?;
    Ok((folder, store))
}

#[test]
fn sqlite_keeps_klines() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::klines_are_kept_replaced_and_ranged(&store)
}

#[test]
fn sqlite_places_predictions_in_the_order_of_writing() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::predictions_have_a_place_in_the_order_of_writing(&store)
}

#[test]
fn sqlite_reads_predictions_page_by_page() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::predictions_are_read_page_by_page(&store)
}

#[test]
fn sqlite_keeps_the_journal() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::the_journal_neither_loses_nor_doubles(&store)
}

#[test]
fn sqlite_keeps_the_gap_ledger() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::the_gap_ledger_is_kept_replaced_and_forgotten(&store)
}

#[test]
fn sqlite_keeps_the_registry() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::the_registry_knows_one_champion(&store)
}

#[test]
fn versions_leave_sqlites_registry() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::versions_leave_the_registry(&store, true)
}

#[test]
fn sqlite_walks_versions_through_the_stages() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::versions_walk_through_the_stages(&store)
}

#[test]
fn sqlite_crowns_in_one_step() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::a_champion_is_crowned_in_one_step(&store)
}

#[test]
fn sqlite_keeps_the_bits_of_klines() -> Outcome {
    let (_folder, store) = sqlite()?;
    suite::klines_come_back_with_their_bits(&store)
}

#[test]
fn a_journal_that_was_changed_from_outside_says_where() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = std::cell::RefCell::new(folder.path().join("none.db"));
    let mut count = 0;
    suite::changes_from_outside_are_found(
        || {
            count += 1;
            path.replace(folder.path().join(format!("{count}.db")));
            Ok(SqliteStore::open(path.borrow().as_path())?)
        },
        |_, change| {
            let database = rusqlite::Connection::open(path.borrow().as_path())?;
            Ok(database.execute(&change.replace('?', "zeroblob(32)"), [])? as u64)
        },
    )
}

#[test]
fn sqlite_drops_the_journals_first_days() -> Outcome {
    let (_folder, store) = sqlite()?;
    retention::days_are_read_and_dropped_from_the_start(&store)
}

#[test]
fn a_change_after_the_first_days_were_dropped_is_found() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = std::cell::RefCell::new(folder.path().join("none.db"));
    let mut count = 0;
    retention::changes_after_dropping_are_found(
        || {
            count += 1;
            path.replace(folder.path().join(format!("{count}.db")));
            Ok(SqliteStore::open(path.borrow().as_path())?)
        },
        |_, change| {
            let database = rusqlite::Connection::open(path.borrow().as_path())?;
            Ok(database.execute(&change.replace('?', "zeroblob(32)"), [])? as u64)
        },
    )
}

#[test]
fn what_is_kept_outlives_the_process_and_is_seen_by_another() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("nested/klinecast.db");
    let writer = SqliteStore::open(&path)?;
    let reader = SqliteStore::open(&path)?;
    KlineStore::append(&writer, symbol("BTCUSDT"), STEP, &[kline(1, 2.0)])?;
    Journal::append(&reader, &[JournalRecord::Prediction(Arc::new(prediction(1, 1, 0.5)))])?;
    assert_eq!(reader.last_bar(symbol("BTCUSDT"), STEP)?, Some(bar(1)));
    drop((writer, reader));
    let again = SqliteStore::open(&path)?;
    assert_eq!(again.predictions(&JournalQuery::default())?.len(), 1);
    Ok(())
}

#[test]
fn a_newer_database_and_a_foreign_file_are_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("klinecast.db");
    drop(SqliteStore::open(&path)?);
    rusqlite::Connection::open(&path)?.pragma_update(None, "user_version", 999)?;
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::NewerSchema { found: 999, .. })));
    let foreign = folder.path().join("notes.txt");
    std::fs::write(&foreign, "this is no database, but it is long enough to be looked at as one".repeat(20))?;
    assert!(matches!(SqliteStore::open(&foreign), Err(StoreError::Database { .. })));
    Ok(())
}
