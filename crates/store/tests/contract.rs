//! What every store has to do, whatever it is made of. Each backend runs the same suite.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use features::{Quality, RowHash};
use forecast::score::Forecast;
use forecast::testkit::tiny_bundle;
use forecast::{
    Answer, BaselineName, Bundle, BundleDigest, JournalRecord, MANIFEST_FILE, NamedAnswer, Prediction,
    Resolution, Source, Task, TaskPrediction,
};
use kline::{BarTime, Interval, Kline, KlineFields, Symbol};
use proptest::prelude::*;
use store::{
    Alias, ChainFaultKind, ChainHash, FolderObjects, Home, Journal, JournalQuery, KlineStore, ObjectStore,
    Registry, SqliteStore, Stage, StoreError, promote,
};

type Outcome = Result<(), Box<dyn Error>>;

const STEP: Interval = Interval::M15;

fn sqlite() -> Result<(tempfile::TempDir, SqliteStore), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("klinecast.db"))?;
    Ok((folder, store))
}

fn bar(index: i64) -> BarTime {
    BarTime::from_open(index * STEP.milliseconds(), STEP).expect("on the grid by construction")
}

fn kline(index: i64, price: f64) -> Kline {
    Kline::new(STEP, KlineFields::flat(index * STEP.milliseconds(), price)).expect("valid by construction")
}

fn symbol(text: &str) -> Symbol {
    text.parse().expect("a symbol")
}

fn klines_are_kept_replaced_and_ranged(store: &dyn KlineStore) -> Outcome {
    let btc = symbol("BTCUSDT");
    assert_eq!(store.last_bar(btc, STEP)?, None);
    let first: Vec<Kline> = (10..20).map(|index| kline(index, 0.1 + index as f64)).collect();
    assert_eq!(store.append(btc, STEP, &first)?, 10);
    assert_eq!(store.append(btc, STEP, &first)?, 0, "the same again changes nothing");
    let corrected = kline(15, 99.5);
    assert_eq!(store.append(btc, STEP, &[corrected])?, 1);
    let back = store.range(btc, STEP, Some(bar(14)), Some(bar(16)))?;
    assert_eq!(back.len(), 3);
    assert!(back[0].same_bits(&first[4]) && back[1].same_bits(&corrected) && back[2].same_bits(&first[6]));
    assert_eq!(store.last_bar(btc, STEP)?, Some(bar(19)));
    let latest = store.latest(btc, STEP, 2)?;
    assert_eq!(latest.iter().map(|k| k.bar_time(STEP)).collect::<Vec<_>>(), [bar(18), bar(19)]);
    assert!(store.range(btc, Interval::H1, None, None)?.is_empty(), "intervals are apart");
    store.append(symbol("ADAUSDT"), STEP, &[kline(1, 1.0)])?;
    assert_eq!(store.symbols(STEP)?, [symbol("ADAUSDT"), btc]);
    Ok(())
}

fn prediction(at: i64, revision: u32, value: f64) -> Prediction {
    let row = [value, f64::NAN, -0.0];
    Prediction {
        symbol: symbol("BTCUSDT"),
        bar_time: bar(at),
        bundle: BundleDigest([7; 32]),
        revision,
        provisional: false,
        row_hash: RowHash::of(&row),
        quality: Quality::default(),
        close: 36_000.1,
        source: Source::Socket,
        tasks: vec![TaskPrediction {
            task: Task::Direction4Step,
            lightgbm: Answer::Probabilities(vec![1.0 - value, value]),
            xgboost: Answer::Probabilities(vec![f64::NAN, f64::NAN]),
            ensemble: Answer::Probabilities(vec![0.1, 0.9]),
            baselines: vec![NamedAnswer { name: BaselineName::Climatology, answer: Answer::Value(value) }],
            compared_with: BaselineName::Climatology,
        }],
        row: Arc::from(row),
    }
}

fn resolution(at: i64, task: Task, loss: f64) -> Resolution {
    Resolution {
        symbol: symbol("BTCUSDT"),
        bar_time: bar(at),
        bundle: BundleDigest([7; 32]),
        revision: 1,
        prediction_revision: 1,
        task,
        outcome: 1.0,
        loss,
        baseline: BaselineName::Climatology,
        baseline_loss: 0.693,
    }
}

fn the_journal_neither_loses_nor_doubles(journal: &dyn Journal) -> Outcome {
    let records: Vec<JournalRecord> = (0..5)
        .map(|at| JournalRecord::Prediction(Arc::new(prediction(at, 1, 0.1 * at as f64))))
        .chain([JournalRecord::Prediction(Arc::new(prediction(3, 2, 0.123)))])
        .chain([JournalRecord::Resolution(resolution(2, Task::Direction4Step, f64::NAN))])
        .chain([JournalRecord::Resolution(resolution(2, Task::Return1Step, 0.25))])
        .collect();
    assert_eq!(journal.last_predicted_bar(STEP)?, None);
    assert_eq!(journal.append(&records)?, 8);
    assert_eq!(journal.last_predicted_bar(STEP)?, Some(bar(4)));
    assert_eq!(journal.append(&records)?, 0, "a replay writes nothing twice");
    let all = journal.predictions(&JournalQuery::default())?;
    let keys: Vec<_> = all.iter().map(|p| (p.bar_time, p.revision)).collect();
    assert_eq!(keys, [(bar(0), 1), (bar(1), 1), (bar(2), 1), (bar(3), 1), (bar(3), 2), (bar(4), 1)]);
    assert!(all[4].same_bits(&prediction(3, 2, 0.123)), "NaN and -0 included");
    let query =
        JournalQuery { from: Some(bar(1)), until: Some(bar(3)), limit: Some(2), ..JournalQuery::default() };
    assert_eq!(journal.predictions(&query)?.len(), 2);
    let other = JournalQuery { symbol: Some(symbol("ETHUSDT")), ..JournalQuery::default() };
    assert!(journal.predictions(&other)?.is_empty());
    let query = JournalQuery { task: Some(Task::Return1Step), ..JournalQuery::default() };
    assert_eq!(journal.resolutions(&query)?, [resolution(2, Task::Return1Step, 0.25)]);
    assert_eq!(journal.resolutions(&JournalQuery::default())?.len(), 2);
    let made: Vec<Forecast> = all.iter().map(|prediction| Forecast::from(prediction.as_ref())).collect();
    assert_eq!(journal.forecasts(&JournalQuery::default())?, made);
    let mut looked_at = (0, 0);
    let found = journal.verify(&mut |done, total| looked_at = (done, total))?;
    assert_eq!((found.records, found.fault_count, looked_at), (8, 0, (8, 8)));
    assert_ne!(found.head, ChainHash::BEGINNING);
    assert_eq!(journal.verify_while(&mut |_, _| ControlFlow::Continue(()))?, Some(found));
    Ok(())
}

#[test]
fn a_check_ends_where_it_is_told_to() -> Outcome {
    let (_folder, store) = sqlite()?;
    the_journal_neither_loses_nor_doubles(&store)?;
    let mut looked_at = 0;
    let found = store.verify_while(&mut |done, _| {
        looked_at = done;
        if done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    assert_eq!((found, looked_at), (None, 3));
    Ok(())
}

#[test]
fn a_journal_that_was_changed_from_outside_says_where() -> Outcome {
    let cases = [
        ("UPDATE resolutions SET record = record || ' '", 7, ChainFaultKind::Changed),
        ("UPDATE predictions SET record = record || ' ' WHERE revision = 2", 6, ChainFaultKind::Changed),
        ("DELETE FROM predictions WHERE revision = 2", 6, ChainFaultKind::Missing),
        ("DELETE FROM journal_chain WHERE number = 4", 5, ChainFaultKind::Hole),
        ("UPDATE journal_chain SET hash = zeroblob(32) WHERE number = 3", 3, ChainFaultKind::Changed),
        (
            "INSERT INTO predictions SELECT bar_time, 'XUSDT', bundle, revision, record FROM predictions LIMIT 1",
            0,
            ChainFaultKind::Unknown,
        ),
    ];
    for (change, number, kind) in cases {
        let (folder, store) = sqlite()?;
        the_journal_neither_loses_nor_doubles(&store)?;
        let before = store.verify(&mut |_, _| {})?;
        let database = rusqlite::Connection::open(folder.path().join("klinecast.db"))?;
        assert!(database.execute(change, [])? > 0, "{change}");
        let found = store.verify(&mut |_, _| {})?;
        let first = found.faults.first().expect("a fault");
        assert_eq!((first.number, first.kind), (number, kind), "{change}: {found:?}");
        // What is appended later stands on what was written, not on what was made of it.
        assert_eq!(found.head, before.head, "{change}");
    }
    Ok(())
}

fn the_registry_knows_one_champion(registry: &dyn Registry) -> Outcome {
    assert!(registry.champion()?.is_none());
    let metrics = BTreeMap::from([("volatility_4step.skill".to_owned(), 0.125)]);
    let first = registry.register(BundleDigest([1; 32]), &metrics, 1_000)?;
    assert_eq!((first.version, first.stage, first.registered_at), (1, Stage::None, 1_000));
    assert_eq!(first.metrics, metrics);
    assert_eq!(registry.register(BundleDigest([1; 32]), &BTreeMap::new(), 2_000)?, first, "idempotent");
    let second = registry.register(BundleDigest([2; 32]), &metrics, 3_000)?;
    assert_eq!(second.version, 2);

    let staged = promote(registry, 2, Stage::Staging, 3_500)?;
    assert_eq!(staged.aliases, [Alias::Challenger]);
    let champion = promote(registry, 1, Stage::Production, 4_000)?;
    assert_eq!(
        (champion.stage, champion.aliases.as_slice()),
        (Stage::Production, [Alias::Champion].as_slice())
    );
    let champion = promote(registry, 2, Stage::Production, 5_000)?;
    assert_eq!(champion.aliases, [Alias::Champion], "no longer the challenger");
    assert_eq!(registry.version(1)?.stage, Stage::Archived);
    assert_eq!(registry.champion()?.map(|model| model.version), Some(2));
    assert_eq!(registry.by_alias(Alias::Challenger)?, None);

    let missing = promote(registry, 9, Stage::Production, 6_000);
    assert!(matches!(&missing, Err(StoreError::NoVersion { version: 9, known }) if known == "2, 1"));
    assert!(matches!(registry.set_alias(Alias::Champion, 9, 6_000), Err(StoreError::NoVersion { .. })));
    assert_eq!(registry.champion()?.map(|model| model.version), Some(2), "a failed change changes nothing");
    let changes: Vec<String> = registry.history()?.into_iter().map(|change| change.change).collect();
    assert_eq!(changes.first().map(String::as_str), Some("registered"));
    assert!(changes.contains(&"alias champion".to_owned()));
    Ok(())
}

#[test]
fn sqlite_keeps_klines() -> Outcome {
    let (_folder, store) = sqlite()?;
    klines_are_kept_replaced_and_ranged(&store)
}

#[test]
fn sqlite_keeps_the_journal() -> Outcome {
    let (_folder, store) = sqlite()?;
    the_journal_neither_loses_nor_doubles(&store)
}

#[test]
fn sqlite_keeps_the_registry() -> Outcome {
    let (_folder, store) = sqlite()?;
    the_registry_knows_one_champion(&store)
}

fn bundles_are_kept_whole(objects: &dyn ObjectStore) -> Outcome {
    let bundle = tiny_bundle(1, &[symbol("BTCUSDT")], STEP).build()?;
    assert!(objects.list()?.is_empty());
    assert!(matches!(objects.get(bundle.digest()), Err(StoreError::NoBundle { .. })));
    assert_eq!(objects.put_bundle(&bundle)?, bundle.digest());
    assert_eq!(objects.put_bundle(&bundle)?, bundle.digest(), "idempotent");
    let back = Bundle::from_files(objects.get(bundle.digest())?)?;
    assert_eq!(back.digest(), bundle.digest());
    assert_eq!(back.files(), bundle.files());
    let other = tiny_bundle(2, &[symbol("BTCUSDT")], STEP).build()?;
    objects.put_bundle(&other)?;
    let mut both = [bundle.digest(), other.digest()];
    both.sort_unstable();
    assert_eq!(objects.list()?, both);
    Ok(())
}

#[test]
fn a_folder_keeps_bundles() -> Outcome {
    let folder = tempfile::tempdir()?;
    bundles_are_kept_whole(&FolderObjects::open(folder.path().join("bundles"))?)
}

#[test]
fn a_damaged_or_half_written_bundle_is_not_taken() -> Outcome {
    let folder = tempfile::tempdir()?;
    let objects = FolderObjects::open(folder.path())?;
    let bundle = tiny_bundle(1, &[symbol("BTCUSDT")], STEP).build()?;
    objects.put_bundle(&bundle)?;
    let manifest = objects.path(bundle.digest()).join(MANIFEST_FILE);
    let mut bytes = std::fs::read(&manifest)?;
    bytes[10] ^= 1;
    std::fs::write(&manifest, bytes)?;
    assert!(matches!(objects.get(bundle.digest()), Err(StoreError::DamagedBundle { .. })));
    std::fs::remove_file(manifest)?;
    assert!(matches!(objects.get(bundle.digest()), Err(StoreError::DamagedBundle { .. })));
    std::fs::create_dir(folder.path().join(".filling-1-1"))?;
    assert_eq!(objects.list()?, [bundle.digest()], "what is being filled is not listed");
    Ok(())
}

#[test]
fn eight_writers_of_one_bundle_leave_one_whole_bundle() -> Outcome {
    let folder = tempfile::tempdir()?;
    let objects = FolderObjects::open(folder.path())?;
    let bundle = tiny_bundle(3, &[symbol("BTCUSDT")], STEP).build()?;
    let results: Vec<bool> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|_| scope.spawn(|| objects.put_bundle(&bundle).is_ok())).collect();
        writers.into_iter().map(|writer| writer.join().unwrap_or(false)).collect()
    });
    assert_eq!(results, [true; 8]);
    Bundle::from_files(objects.get(bundle.digest())?)?;
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 1, "nothing half-filled stays behind");
    Ok(())
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_kline_comes_back_with_its_bits(
        low in 1e-8f64..1e5, spread in 1.0f64..1.5, volume in 0.0f64..1e9, share in prop::option::of(0.0f64..=1.0),
        trades in prop::option::of(0u64..u64::MAX),
    ) {
        let mut fields = KlineFields::flat(900_000, low);
        fields.high = low * spread;
        fields.volume = volume;
        fields.quote_volume = share.map(|_| volume * low);
        fields.taker_base = share.map(|share| volume * share);
        fields.taker_quote = None;
        fields.trades = trades;
        let kline = Kline::new(STEP, fields).expect("valid by construction");
        let (_folder, store) = sqlite().expect("a store");
        KlineStore::append(&store, symbol("BTCUSDT"), STEP, &[kline]).expect("written");
        let back = store.range(symbol("BTCUSDT"), STEP, None, None).expect("read");
        prop_assert!(back.len() == 1 && back[0].same_bits(&kline));
    }
}

#[test]
fn a_snapshot_is_replaced_as_a_whole_or_not_at_all() -> Outcome {
    let folder = tempfile::tempdir()?;
    let home = Home::open(folder.path())?;
    assert_eq!(home.snapshot().read()?, None);
    home.snapshot().replace(b"first")?;
    home.snapshot().replace(b"second")?;
    assert_eq!(home.snapshot().read()?.as_deref(), Some(&b"second"[..]));
    // What cannot be filled beside it does not touch it.
    let filling = home.snapshot().path().with_extension(format!("filling-{}", std::process::id()));
    std::fs::create_dir(&filling)?;
    let refused = home.snapshot().replace(b"third");
    assert!(matches!(refused, Err(StoreError::Files { action: "replacing", .. })), "{refused:?}");
    std::fs::remove_dir(&filling)?;
    assert_eq!(home.snapshot().read()?.as_deref(), Some(&b"second"[..]));
    home.snapshot().replace(b"fourth")?;
    let names = std::fs::read_dir(folder.path())?.map(|entry| Ok(entry?.file_name().into_string()));
    let names: std::io::Result<Vec<_>> = names.collect();
    assert!(names?.iter().flatten().all(|name| !name.contains("filling")), "nothing is left beside it");
    Ok(())
}
