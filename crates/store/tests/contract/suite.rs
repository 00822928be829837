//! The suite that each database runs, and what it is made of.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use features::{Quality, RowHash};
use forecast::score::Forecast;
use forecast::{
    Answer, Band, BaselineName, BundleDigest, JournalRecord, NamedAnswer, Prediction, Resolution, Source,
    Task, TaskPrediction,
};
use kline::{BarTime, Interval, Kline, KlineFields, Symbol};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use store::{
    Alias, Cause, ChainFaultKind, ChainHash, GapStore, Hole, HoleState, How, Journal, JournalQuery, Kept,
    KlineStore, RecordKey, Registry, Stage, StoreError, champion_before, promote, stage, ways,
};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

pub(crate) const STEP: Interval = Interval::M15;

pub(crate) fn bar(index: i64) -> BarTime {
    BarTime::from_open(index * STEP.milliseconds(), STEP).expect("on the grid by construction")
}

pub(crate) fn kline(index: i64, price: f64) -> Kline {
    Kline::new(STEP, KlineFields::flat(index * STEP.milliseconds(), price)).expect("valid by construction")
}

pub(crate) fn symbol(text: &str) -> Symbol {
    text.parse().expect("a symbol")
}

pub(crate) fn klines_are_kept_replaced_and_ranged(store: &dyn KlineStore) -> Outcome {
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

pub(crate) fn prediction(at: i64, revision: u32, value: f64) -> Prediction {
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
        late_ms: None,
        tasks: vec![TaskPrediction {
            task: Task::Direction4Step,
            lightgbm: Answer::Probabilities(vec![1.0 - value, value]),
            xgboost: Answer::Probabilities(vec![f64::NAN, f64::NAN]),
            ensemble: Answer::Probabilities(vec![0.1, 0.9]),
            baselines: vec![NamedAnswer { name: BaselineName::Climatology, answer: Answer::Value(value) }],
            compared_with: BaselineName::Climatology,
            bands: vec![Band { level: 0.8, low: -value, high: f64::from_bits(value.to_bits() + 1) }],
            root_mean_square: Some(0.1 + 0.2),
        }],
        row: Arc::from(row),
    }
}

pub(crate) fn resolution(at: i64, task: Task, loss: f64) -> Resolution {
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

/// Four bars of one pair, and at the third bar another pair and a second revision; numbers 1 to 6.
fn placed_records() -> Vec<JournalRecord> {
    let mut eth = prediction(2, 1, 0.7);
    eth.symbol = symbol("ETHUSDT");
    let made = [0, 1, 2, 3].map(|at| prediction(at, 1, 0.1));
    let further = [prediction(2, 2, 0.2), eth];
    made.into_iter().chain(further).map(|made| JournalRecord::Prediction(Arc::new(made))).collect()
}

pub(crate) fn predictions_have_a_place_in_the_order_of_writing(journal: &dyn Journal) -> Outcome {
    let records = placed_records();
    let kept = journal.keep(&records[..4])?;
    let outcome = JournalRecord::Resolution(resolution(0, Task::Return1Step, 0.25));
    assert!(journal.keep(std::slice::from_ref(&outcome))?[0].is_new);
    let later = journal.keep(&[records[3].clone(), outcome, records[4].clone(), records[5].clone()])?;
    let number = |kept: &Kept| kept.place.map(|place| place.number);
    assert_eq!(kept.iter().map(number).collect::<Vec<_>>(), [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(later.iter().map(|kept| kept.is_new).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!(later.iter().map(number).collect::<Vec<_>>(), [Some(4), None, Some(6), Some(7)]);
    assert_eq!(later[0].place, kept[3].place, "what was there before keeps its place");

    let after = journal.predictions_after(2, 3)?;
    let seen: Vec<_> = after.iter().map(|placed| (placed.place.number, placed.prediction.revision)).collect();
    assert_eq!(seen, [(3, 1), (4, 1), (6, 2)]);
    assert_eq!(Some(after[2].place), later[2].place, "with its hash");
    assert!(journal.predictions_after(7, 3)?.is_empty());
    let firsts = [1, 2, 3, 9].map(|at| journal.first_number_from(bar(at)).ok().flatten());
    assert_eq!(firsts, [Some(2), Some(3), Some(4), None]);

    let as_of = |name: &str, at: i64| -> Result<Vec<(i64, u32)>, StoreError> {
        let found = journal.predictions_as_of(symbol(name), bar(at))?;
        Ok(found.iter().map(|placed| (placed.place.number, placed.prediction.revision)).collect())
    };
    assert_eq!(as_of("BTCUSDT", 2)?, [(3, 1), (6, 2)]);
    assert_eq!(as_of("BTCUSDT", 9)?, [(4, 1)]);
    assert_eq!(as_of("ETHUSDT", 3)?, [(7, 1)], "its own last bar");
    assert!(as_of("ETHUSDT", 1)?.is_empty());
    Ok(())
}

pub(crate) fn predictions_are_read_page_by_page(journal: &dyn Journal) -> Outcome {
    journal.append(&placed_records())?;
    let key = |made: &Arc<Prediction>| RecordKey::of(&JournalRecord::Prediction(made.clone()));
    for last_revisions in [false, true] {
        let whole = JournalQuery { last_revisions, ..JournalQuery::default() };
        let all = journal.predictions(&whole)?;
        assert_eq!(all.len(), if last_revisions { 5 } else { 6 });
        let mut pages = Vec::new();
        loop {
            let after = pages.last().map(key);
            let page = journal.predictions(&JournalQuery { after, limit: Some(2), ..whole.clone() })?;
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        assert_eq!(pages.iter().map(key).collect::<Vec<_>>(), all.iter().map(key).collect::<Vec<_>>());
    }
    Ok(())
}

pub(crate) fn the_journal_neither_loses_nor_doubles(journal: &dyn Journal) -> Outcome {
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
    let mut looked_at = 0;
    let broken_off = journal.verify_while(&mut |done, _| {
        looked_at = done;
        if done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    assert_eq!((broken_off, looked_at), (None, 3));
    Ok(())
}

/// A change from outside, the number of the record it hits, and the fault that is found; `?` is 32 zero bytes.
const CHANGES: [(&str, i64, ChainFaultKind); 6] = [
    ("UPDATE resolutions SET record = record || ' '", 7, ChainFaultKind::Changed),
    ("UPDATE predictions SET record = record || ' ' WHERE revision = 2", 6, ChainFaultKind::Changed),
    ("DELETE FROM predictions WHERE revision = 2", 6, ChainFaultKind::Missing),
    ("DELETE FROM journal_chain WHERE number = 4", 5, ChainFaultKind::Hole),
    ("UPDATE journal_chain SET hash = ? WHERE number = 3", 3, ChainFaultKind::Changed),
    (
        "INSERT INTO predictions SELECT bar_time, 'XUSDT', bundle, revision, record FROM predictions LIMIT 1",
        0,
        ChainFaultKind::Unknown,
    ),
];

/// For each change a journal is made by `open` and changed by `execute`, which answers how many rows that hit.
pub(crate) fn changes_from_outside_are_found<S: Journal>(
    mut open: impl FnMut() -> Result<S, Box<dyn Error>>,
    mut execute: impl FnMut(&S, &str) -> Result<u64, Box<dyn Error>>,
) -> Outcome {
    for (change, number, kind) in CHANGES {
        let store = open()?;
        the_journal_neither_loses_nor_doubles(&store)?;
        let before = store.verify(&mut |_, _| {})?;
        assert!(execute(&store, change)? > 0, "{change}");
        let found = store.verify(&mut |_, _| {})?;
        let first = found.faults.first().expect("a fault");
        assert_eq!((first.number, first.kind), (number, kind), "{change}: {found:?}");
        // What is appended later stands on what was written, not on what was made of it.
        assert_eq!(found.head, before.head, "{change}");
    }
    Ok(())
}

pub(crate) fn the_gap_ledger_is_kept_replaced_and_forgotten(store: &dyn GapStore) -> Outcome {
    let [btc, eth] = ["BTCUSDT", "ETHUSDT"].map(symbol);
    let hole = |symbol, at, state| Hole { symbol, bar: bar(at), noticed_at_ms: 100 + at, state };
    let filled = |source| HoleState::Filled { source, at_ms: 7 };
    let first = [
        hole(btc, 1, HoleState::Open),
        hole(btc, 2, HoleState::Lacking { at_ms: 5 }),
        hole(btc, 3, filled(Source::Rest)),
        hole(btc, 4, filled(Source::Store)),
        hole(eth, 2, HoleState::Open),
    ];
    GapStore::write(store, STEP, &first, &[])?;
    assert_eq!(store.holes(btc, STEP, bar(0), 10)?, first[..4]);
    assert_eq!(store.holes(btc, STEP, bar(2), 2)?, first[2..4], "the latest, in their order");
    assert!(store.holes(btc, Interval::M1, BarTime::last_closed(0, Interval::M1), 10)?.is_empty());
    let closed = hole(btc, 1, filled(Source::Socket));
    GapStore::write(store, STEP, &[closed], &[(btc, bar(3)), (eth, bar(9))])?;
    assert_eq!(store.holes(btc, STEP, bar(0), 10)?, [closed, first[1], first[3]]);
    assert_eq!(store.forget_before(STEP, bar(2))?, 1);
    assert_eq!(store.forget_before(STEP, bar(2))?, 0);
    assert_eq!(store.holes(btc, STEP, bar(0), 10)?, [first[1], first[3]]);
    assert_eq!(store.holes(eth, STEP, bar(0), 10)?, [first[4]]);
    Ok(())
}

pub(crate) fn the_registry_knows_one_champion(registry: &dyn Registry) -> Outcome {
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

/// A version that nothing goes by leaves for good; `notes` says whether the history goes on to tell of it.
pub(crate) fn versions_leave_the_registry(registry: &dyn Registry, notes: bool) -> Outcome {
    let register = |seed: u8| registry.register(BundleDigest([seed; 32]), &BTreeMap::new(), 1_000);
    for seed in 1..=4 {
        register(seed)?;
    }
    for version in [1, 2, 3] {
        promote(registry, version, Stage::Production, 2_000)?;
    }
    promote(registry, 4, Stage::Staging, 2_000)?;
    let before = (registry.versions()?, registry.history()?);
    for (version, named) in [(3, "version 3 is "), (4, "version 4 is ")] {
        assert!(registry.held(version)?.is_some());
        let told = registry.forget(version, 3_000).expect_err("something goes by it").to_string();
        assert!(told.starts_with(named) && told.ends_with("and stays in the registry"), "{told}");
    }
    assert_eq!((registry.versions()?, registry.history()?), before, "nothing was changed");
    assert_eq!(champion_before(registry)?.map(|model| model.version), Some(2));

    assert_eq!((registry.held(2)?, registry.held(9)?), (None, None));
    registry.forget(2, 3_000)?;
    registry.forget(2, 4_000)?;
    let versions = || -> Result<Vec<u32>, StoreError> {
        Ok(registry.versions()?.into_iter().map(|model| model.version).collect())
    };
    assert_eq!(versions()?, [4, 3, 1]);
    assert!(matches!(registry.set_stage(2, Stage::Staging, 5_000), Err(StoreError::NoVersion { .. })));
    assert_eq!(champion_before(registry)?.map(|model| model.version), Some(1), "who is still there");
    let of_it = registry.history()?.into_iter().filter(|change| change.version == 2).count();
    assert_eq!(of_it > 0, notes);
    assert_eq!(ways(registry)?.len(), 3);

    // Its number is not given again, nor is that of the newest one.
    assert_eq!(register(5)?.version, 5);
    registry.forget(5, 6_000)?;
    assert_eq!((register(2)?.version, register(5)?.version), (6, 7));
    Ok(())
}

pub(crate) fn versions_walk_through_the_stages(registry: &dyn Registry) -> Outcome {
    for bundle in 1..=3 {
        registry.register(BundleDigest([bundle; 32]), &BTreeMap::new(), 1_000)?;
    }
    let staged = stage(registry, 1, "passed 9 gates", 2_000)?;
    assert_eq!((staged.stage, staged.aliases.as_slice()), (Stage::Staging, &[Alias::Challenger][..]));
    registry.crown(1, None, "passed 16 gates", 3_000)?;
    stage(registry, 2, "passed again", 4_000)?;
    stage(registry, 3, &How::Force(vec!["days".to_owned()]).by(Some("bob")), 5_000)?;
    assert_eq!(
        (registry.version(2)?.stage, registry.version(1)?.stage),
        (Stage::Archived, Stage::Production)
    );
    assert_eq!(registry.by_alias(Alias::Challenger)?.map(|model| model.version), Some(3));
    registry.crown(3, Some(1), &How::Rollback { from: 1 }.by(Some("ann")), 6_000)?;
    let ways = ways(registry)?;
    let told = |version| -> Vec<(Stage, Option<i64>, String)> {
        let (_, steps) = ways.iter().find(|(model, _)| model.version == version).expect("the version");
        steps.iter().map(|step| (step.stage, step.at, step.how.clone().unwrap_or_default())).collect()
    };
    let step = |stage, at, how: &str| (stage, Some(at), how.to_owned());
    assert_eq!(
        told(1),
        [
            step(Stage::None, 1_000, ""),
            step(Stage::Staging, 2_000, "passed 9 gates"),
            step(Stage::Production, 3_000, "passed 16 gates"),
            step(Stage::Archived, 6_000, "version 3 took its place"),
        ]
    );
    assert_eq!(told(2).last(), Some(&step(Stage::Archived, 5_000, "version 3 took its place")));
    assert_eq!(told(3).last(), Some(&step(Stage::Production, 6_000, "rolled back from version 1 (by ann)")));
    let (_, third) = &ways[0];
    let causes: Vec<_> =
        third.iter().map(|step| (step.cause, step.by.as_deref(), &step.replaced[..])).collect();
    let expected: [(_, _, &[u32]); 3] = [
        (Some(Cause::Registration), None, &[]),
        (Some(Cause::Force), Some("bob"), &[2]),
        (Some(Cause::Rollback), Some("ann"), &[1]),
    ];
    assert_eq!(causes, expected);
    assert!(third[2].champion && !third[1].champion);

    // The champion is in production and nowhere else.
    let noted = registry.history()?.len();
    assert!(matches!(stage(registry, 3, "down", 7_000), Err(StoreError::Champion { version: 3 })));
    assert!(matches!(stage(registry, 9, "x", 7_000), Err(StoreError::NoVersion { version: 9, .. })));
    assert_eq!(registry.history()?.len(), noted);
    Ok(())
}

pub(crate) fn a_champion_is_crowned_in_one_step(registry: &dyn Registry) -> Outcome {
    for bundle in 1..=3 {
        registry.register(BundleDigest([bundle; 32]), &BTreeMap::new(), 1_000)?;
    }
    registry.crown(1, None, "passed", 2_000)?;
    registry.set_alias(Alias::Challenger, 2, 2_500)?;
    let crowned = registry.crown(2, Some(1), "passed again", 3_000)?;
    assert_eq!((crowned.stage, crowned.aliases.as_slice()), (Stage::Production, &[Alias::Champion][..]));
    assert_eq!((registry.version(1)?.stage, registry.by_alias(Alias::Challenger)?), (Stage::Archived, None));
    let history = registry.history()?;
    let last: Vec<(u32, &str)> =
        history.iter().rev().take(5).rev().map(|change| (change.version, change.change.as_str())).collect();
    let expected = [
        (2, "passed again"),
        (2, "alias champion"),
        (2, "stage production"),
        (2, "alias challenger cleared"),
        (1, "stage archived"),
    ];
    assert_eq!(last, expected);

    // Judged against what is no longer the champion, or against nobody: nothing is changed, nothing noted.
    for against in [Some(1), Some(3), None] {
        let told = registry.crown(3, against, "late", 4_000);
        assert!(
            matches!(told, Err(StoreError::OtherChampion { version: 3, found: Some(2), .. })),
            "{told:?}"
        );
    }
    assert!(matches!(registry.crown(9, Some(2), "x", 4_000), Err(StoreError::NoVersion { version: 9, .. })));
    assert_eq!(registry.history()?.len(), history.len());
    // The champion itself stands against nobody.
    registry.crown(2, None, "once more", 5_000)?;
    assert_eq!(registry.champion()?.map(|model| model.version), Some(2));

    // Of those that were judged against the same champion one comes in.
    let race = |version| registry.crown(version, Some(2), "race", 6_000).is_ok();
    let won = std::thread::scope(|scope| {
        let racers = [1, 3].map(|version| scope.spawn(move || race(version)));
        racers.map(|racer| racer.join().expect("no panic"))
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    Ok(())
}

/// Random klines, each of its own bar, come back with their bits.
pub(crate) fn klines_come_back_with_their_bits(store: &dyn KlineStore) -> Outcome {
    let optional = || prop::option::of(0.0f64..=1.0);
    let strategy = (1e-8f64..1e5, 1.0f64..1.5, 0.0f64..1e9, optional(), prop::option::of(0u64..u64::MAX));
    let index = std::cell::Cell::new(0);
    TestRunner::new(ProptestConfig::with_cases(32)).run(
        &strategy,
        |(low, spread, volume, share, trades)| {
            index.set(index.get() + 1);
            let index: i64 = index.get();
            let mut fields = KlineFields::flat(index * STEP.milliseconds(), low);
            fields.high = low * spread;
            fields.volume = volume;
            fields.quote_volume = share.map(|_| volume * low);
            fields.taker_base = share.map(|share| volume * share);
            fields.taker_quote = None;
            fields.trades = trades;
            let kline = Kline::new(STEP, fields).expect("valid by construction");
            store.append(symbol("BTCUSDT"), STEP, &[kline]).expect("written");
            let at = Some(bar(index));
            let back = store.range(symbol("BTCUSDT"), STEP, at, at).expect("read");
            prop_assert!(back.len() == 1 && back[0].same_bits(&kline));
            Ok(())
        },
    )?;
    Ok(())
}
