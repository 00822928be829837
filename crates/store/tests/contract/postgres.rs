//! PostgreSQL: a real one, as in every test of ours (see `store::testkit`).

use std::sync::Arc;

use forecast::JournalRecord;
use store::testkit::{TestPostgres, sql_from_outside};
use store::{DatabaseUrl, Home, Journal, JournalQuery, KlineStore, Places, PostgresStore, StoreError};

use crate::retention;
use crate::suite::{self, Outcome, STEP, bar, kline, prediction, symbol};

fn opened(database: &TestPostgres) -> Result<PostgresStore, StoreError> {
    PostgresStore::open(&database.url())
}

#[test]
fn postgres_keeps_klines() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::klines_are_kept_replaced_and_ranged(&opened(&database)?)
}

#[test]
fn postgres_places_predictions_in_the_order_of_writing() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::predictions_have_a_place_in_the_order_of_writing(&opened(&database)?)
}

#[test]
fn postgres_reads_predictions_page_by_page() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::predictions_are_read_page_by_page(&opened(&database)?)
}

#[test]
fn postgres_keeps_the_journal() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::the_journal_neither_loses_nor_doubles(&opened(&database)?)
}

#[test]
fn postgres_keeps_the_gap_ledger() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::the_gap_ledger_is_kept_replaced_and_forgotten(&opened(&database)?)
}

#[test]
fn postgres_keeps_the_registry() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::the_registry_knows_one_champion(&opened(&database)?)
}

#[test]
fn versions_leave_postgres_registry() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::versions_leave_the_registry(&opened(&database)?, true)
}

#[test]
fn postgres_walks_versions_through_the_stages() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::versions_walk_through_the_stages(&opened(&database)?)
}

#[test]
fn postgres_crowns_in_one_step() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::a_champion_is_crowned_in_one_step(&opened(&database)?)
}

#[test]
fn postgres_keeps_the_bits_of_klines() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    suite::klines_come_back_with_their_bits(&opened(&database)?)
}

#[test]
fn a_journal_that_was_changed_from_outside_says_where() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let url = std::cell::RefCell::new(database.url());
    suite::changes_from_outside_are_found(
        || {
            url.replace(database.url());
            Ok(PostgresStore::open(&url.borrow())?)
        },
        |_, change| {
            let zeros = format!("'\\x{}'::bytea", "00".repeat(32));
            Ok(sql_from_outside(&url.borrow(), &change.replace('?', &zeros)))
        },
    )
}

#[test]
fn postgres_drops_the_journals_first_days() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    retention::days_are_read_and_dropped_from_the_start(&opened(&database)?)
}

#[test]
fn a_change_after_the_first_days_were_dropped_is_found() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let url = std::cell::RefCell::new(database.url());
    retention::changes_after_dropping_are_found(
        || {
            url.replace(database.url());
            Ok(PostgresStore::open(&url.borrow())?)
        },
        |_, change| {
            let zeros = format!("'\\x{}'::bytea", "00".repeat(32));
            Ok(sql_from_outside(&url.borrow(), &change.replace('?', &zeros)))
        },
    )
}

#[test]
fn several_klines_of_one_bar_leave_the_last_and_a_failed_write_leaves_nothing() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let url = database.url();
    let store = PostgresStore::open(&url)?;
    let btc = symbol("BTCUSDT");
    KlineStore::append(&store, btc, STEP, &[kline(2, 1.0), kline(1, 3.0), kline(2, 2.0)])?;
    let kept = store.range(btc, STEP, None, None)?;
    assert!(kept.len() == 2 && kept[1].same_bits(&kline(2, 2.0)));
    sql_from_outside(&url, "ALTER TABLE klines ADD CHECK (open_time < 5 * 900000)");
    let many: Vec<_> = (3..8).map(|index| kline(index, 1.0)).collect();
    let refused = KlineStore::append(&store, btc, STEP, &many).expect_err("the check is in the way");
    let told = refused.to_string();
    assert!(told.contains("writing klines") && told.contains("23514"), "{told}");
    assert_eq!(store.last_bar(btc, STEP)?, Some(bar(2)), "all or nothing");
    Ok(())
}

#[test]
fn writers_queue_up_and_leave_one_chain() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let url = database.url();
    // Eight open the empty schema at once, then append records of which each is given twice.
    let written: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8i64)
            .map(|writer| {
                let url = &url;
                scope.spawn(move || -> Result<usize, StoreError> {
                    let store = PostgresStore::open(url)?;
                    let mut written = 0;
                    for at in 0..10 {
                        let at = writer / 2 * 10 + at;
                        let record = JournalRecord::Prediction(Arc::new(prediction(at, 1, 0.5)));
                        written += Journal::append(&store, &[record.clone(), record])?;
                    }
                    Ok(written)
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("no panic")).sum::<Result<usize, _>>()
    })?;
    let store = PostgresStore::open(&url)?;
    let found = store.verify(&mut |_, _| {})?;
    assert_eq!((written, found.records, found.fault_count), (40, 40, 0));
    Ok(())
}

#[test]
fn large_batches_are_written_in_parts_and_read_back() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let store = opened(&database)?;
    let records: Vec<_> =
        (0..2_345).map(|at| JournalRecord::Prediction(Arc::new(prediction(at, 1, 0.25)))).collect();
    assert_eq!(Journal::append(&store, &records)?, 2_345);
    let found = store.verify(&mut |_, _| {})?;
    assert_eq!((found.records, found.fault_count), (2_345, 0));
    let klines: Vec<_> = (0..100_001).map(|index| kline(index, 1.0 + index as f64)).collect();
    assert_eq!(KlineStore::append(&store, symbol("BTCUSDT"), STEP, &klines)?, klines.len());
    let back = store.range(symbol("BTCUSDT"), STEP, None, None)?;
    assert!(back.len() == klines.len() && back.iter().zip(&klines).all(|(a, b)| a.same_bits(b)));
    Ok(())
}

/// Ends every connection to an address's schema but the one that does it.
fn end_connections(url: &DatabaseUrl, schema: &str) {
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'klinecast {schema}' AND pid <> pg_backend_pid()"
    );
    assert!(sql_from_outside(url, &sql) > 0, "there was one");
}

#[test]
fn a_dead_connection_is_made_anew() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let address = database.address();
    let schema = address.rsplit('=').next().expect("a schema");
    let url: DatabaseUrl = address.parse()?;
    let store = PostgresStore::open(&url)?;
    let btc = symbol("BTCUSDT");
    for index in 1..6 {
        end_connections(&url, schema);
        assert_eq!(KlineStore::append(&store, btc, STEP, &[kline(index, 2.0)])?, 1);
        end_connections(&url, schema);
        assert_eq!(store.range(btc, STEP, None, None)?.len() as i64, index);
        end_connections(&url, schema);
        let record = JournalRecord::Prediction(Arc::new(prediction(index, 1, 0.5)));
        assert_eq!(Journal::append(&store, &[record])?, 1);
    }
    let found = store.verify(&mut |_, _| {})?;
    assert_eq!((found.records, found.fault_count), (5, 0));
    Ok(())
}

#[test]
fn a_write_waits_for_a_database_that_comes_back_and_a_read_says_that_it_is_away() -> Outcome {
    let Some(database) = TestPostgres::alone() else { return Ok(()) };
    let url = database.url();
    let store = PostgresStore::open(&url)?;
    let record = |at| JournalRecord::Prediction(Arc::new(prediction(at, 1, 0.5)));
    Journal::append(&store, &[record(1)])?;
    database.stop();
    let told = store.last_predicted_bar(STEP).expect_err("it is away").to_string();
    assert!(told.contains(&url.to_string()) && told.contains("can be reached"), "{told}");
    let told = PostgresStore::open(&url).expect_err("it is away").to_string();
    assert!(told.contains("can be reached") && !told.contains(database.password()), "{told}");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| Journal::append(&store, &[record(2)]));
        database.start_again();
        writer.join().expect("no panic")
    })?;
    assert_eq!(store.last_predicted_bar(STEP)?, Some(bar(2)));
    assert_eq!(store.verify(&mut |_, _| {})?.fault_count, 0);
    Ok(())
}

#[test]
fn it_may_be_called_and_dropped_on_a_thread_that_drives_tasks() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let url = database.url();
    let head = runtime.block_on(async {
        let task = tokio::spawn(async move {
            let store = PostgresStore::open(&url)?;
            // More than a task's budget of steps.
            for at in 0..300 {
                let record = JournalRecord::Prediction(Arc::new(prediction(at, 1, 0.5)));
                Journal::append(&store, &[record])?;
            }
            store.verify(&mut |_, _| {}).map(|found| (found.records, found.fault_count))
        });
        task.await
    })??;
    assert_eq!(head, (300, 0));
    Ok(())
}

#[test]
fn more_callers_than_connections_queue_up() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let store = opened(&database)?;
    let counts: Vec<Result<usize, StoreError>> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..24)
            .map(|index| {
                let store = &store;
                scope.spawn(move || KlineStore::append(store, symbol("BTCUSDT"), STEP, &[kline(index, 2.0)]))
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("no panic")).collect()
    });
    assert!(counts.iter().all(|count| count.as_ref().is_ok_and(|count| *count == 1)), "{counts:?}");
    assert_eq!(store.range(symbol("BTCUSDT"), STEP, None, None)?.len(), 24);
    Ok(())
}

#[test]
fn a_newer_schema_a_wrong_password_and_a_missing_database_are_refused_with_the_remedy() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let address = database.address();
    let url: DatabaseUrl = address.parse()?;
    drop(PostgresStore::open(&url)?);
    drop(PostgresStore::open(&url)?);
    sql_from_outside(&url, "INSERT INTO schema_version VALUES (999)");
    assert!(matches!(PostgresStore::open(&url), Err(StoreError::NewerSchema { found: 999, known: 4, .. })));
    let told = |address: String| -> Result<String, StoreError> {
        Ok(PostgresStore::open(&address.parse()?).expect_err("it is wrong").to_string())
    };
    let wrong = told(format!("postgresql://klinecast:s3cret@127.0.0.1:{}/postgres", database.port()))?;
    assert!(wrong.contains("check the user and the password") && !wrong.contains("s3cret"), "{wrong}");
    let missing = told(address.replace("/postgres?", "/nowhere?"))?;
    assert!(missing.contains("nowhere") && missing.contains("make that database"), "{missing}");
    assert!(!format!("{url:?} {url}").contains(database.password()));
    Ok(())
}

#[test]
fn a_home_with_a_database_elsewhere_keeps_bundles_only() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let places = Places { database: Some(database.url()), ..Places::default() };
    let home = Home::open_with(folder.path(), &places)?;
    home.klines().append(symbol("BTCUSDT"), STEP, &[kline(1, 2.0)])?;
    home.registry().register(forecast::BundleDigest([1; 32]), &Default::default(), 1)?;
    home.journal().append(&[JournalRecord::Prediction(Arc::new(prediction(1, 1, 0.5)))])?;
    assert!(!folder.path().join("klinecast.db").exists());
    let again = Home::open_with(folder.path(), &places)?;
    assert_eq!(again.klines().last_bar(symbol("BTCUSDT"), STEP)?, Some(bar(1)));
    assert_eq!(again.journal().predictions(&JournalQuery::default())?.len(), 1);
    assert_eq!(again.registry().versions()?.len(), 1);
    Ok(())
}
