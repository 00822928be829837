use std::sync::Arc;

use forecast::JournalRecord;
use forecast::score::Ledger;
use forecast::score::{CardRequest, scored};
use forecast::{BaselineName, BundleDigest, Prediction, Resolution, Task};
use kline::Symbol;
use store::SqliteStore;

use super::*;
use crate::score_view::TouchedBars;
use crate::testing;

const STEP: Interval = Interval::M15;
const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// A generator of Marsaglia's xorshift family.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % bound
    }
}

fn bundle(number: u8) -> BundleDigest {
    BundleDigest([number; 32])
}

fn prediction(symbol: &str, bar: i64, bundle: BundleDigest, revision: u32) -> JournalRecord {
    JournalRecord::Prediction(Arc::new(Prediction { bundle, ..testing::prediction(symbol, bar, revision) }))
}

fn resolution(
    symbol: &str,
    bar: i64,
    bundle: BundleDigest,
    task: Task,
    revision: u32,
    loss: f64,
) -> JournalRecord {
    JournalRecord::Resolution(Resolution {
        symbol: symbol.parse().expect("a name"),
        bar_time: BarTime::from_open(bar * STEP.milliseconds(), STEP).expect("on the grid"),
        bundle,
        revision,
        prediction_revision: revision.min(2),
        task,
        outcome: f64::from(u8::from(loss > 0.5)),
        loss,
        baseline: BaselineName::Climatology,
        baseline_loss: loss * 1.1 + 0.01,
    })
}

/// A thousand outcomes over six days in no order, every fourth one with later revisions.
fn records(random: &mut Random) -> Vec<JournalRecord> {
    let mut records = Vec::new();
    for _ in 0..1_000 {
        let bar = i64::try_from(random.below(6 * 96)).expect("small");
        let symbol = SYMBOLS[usize::try_from(random.below(2)).expect("small")];
        let bundle = bundle(u8::from(random.below(4) == 0));
        let task = Task::ALL[usize::try_from(random.below(7)).expect("small")];
        let revisions = if random.below(4) == 0 { 1 + random.below(3) } else { 1 };
        for revision in 1..=u32::try_from(revisions).expect("small") {
            records.push(prediction(symbol, bar, bundle, revision.min(2)));
            let loss = random.below(1_000_000) as f64 / 999_983.0;
            records.push(resolution(symbol, bar, bundle, task, revision, loss));
        }
    }
    records
}

fn card(ledger: &Ledger) -> String {
    let request = CardRequest {
        from_day: None,
        until_day: None,
        by_pair: true,
        by_bundle: true,
        with_intervals: true,
        wanted: &|_, _, _| true,
    };
    // The shortest decimal of a float names its bits; a NaN is a NaN.
    format!("{:?}", ledger.card(&request))
}

/// The ledger of a journal that is read at once, by the definition.
fn afresh(journal: &dyn Journal) -> Ledger {
    let all = JournalQuery::default();
    let outcomes =
        scored(&journal.resolutions(&all).expect("readable"), &journal.forecasts(&all).expect("readable"));
    let mut ledger = Ledger::default();
    let days: BTreeSet<i64> = outcomes.iter().map(|outcome| day_of(outcome.bar)).collect();
    for day in days {
        let mut of_day = DayOutcomes::default();
        of_day.put(outcomes.iter().copied().filter(|outcome| day_of(outcome.bar) == day));
        ledger.put(day, of_day.sums());
    }
    ledger
}

#[test]
fn the_card_that_grew_is_to_the_last_bit_the_one_that_is_made_afresh() {
    for seed in [3, 7, 2_147_483_659] {
        let mut random = Random(seed);
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path().join("klinecast.db")).expect("opens");
        let mut records = records(&mut random);
        // Some stand in the journal before the thread begins.
        let later = records.split_off(records.len() / 3);
        store.append(&records).expect("kept");
        let touched = TouchedBars::default();
        let mut scores = Scores::new(&store, STEP);
        let mut rest = later.as_slice();
        while !rest.is_empty() {
            let count = usize::try_from(1 + random.below(120)).expect("small").min(rest.len());
            let (batch, others) = rest.split_at(count);
            store.append(batch).expect("kept");
            touched.note(batch);
            rest = others;
            // The thread is as slow as it likes.
            if random.below(3) > 0 {
                let waiting = touched.take(Some(Duration::ZERO)).expect("not stopped");
                scores.look(waiting.bars, false).expect("readable");
            }
        }
        let waiting = touched.take(Some(Duration::ZERO)).expect("not stopped");
        scores.look(waiting.bars, false).expect("readable");
        while !scores.is_done() {
            scores.look(BTreeSet::new(), false).expect("readable");
        }
        assert_eq!(scores.view.known_from, None);
        let grown = card(&scores.view.ledger);
        assert!(grown.len() > 10_000 && grown == card(&afresh(&store)), "seed {seed}");

        // A restart, and a queue that ran over.
        let mut restarted = Scores::new(&store, STEP);
        restarted.look(BTreeSet::new(), true).expect("readable");
        assert!(restarted.view.known_from.is_some(), "older days are still unread");
        while !restarted.is_done() {
            restarted.look(BTreeSet::new(), false).expect("readable");
        }
        assert_eq!(card(&restarted.view.ledger), grown, "seed {seed}");
    }
}

#[test]
fn the_last_revision_counts_and_its_forecast_is_the_one_that_was_scored() {
    let digest = bundle(1);
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("klinecast.db")).expect("opens");
    let task = Task::Direction4Step;
    store
        .append(&[
            prediction("BTCUSDT", 5, digest, 1),
            resolution("BTCUSDT", 5, digest, task, 2, 0.25),
            resolution("BTCUSDT", 5, digest, task, 1, 0.75),
            resolution("ETHUSDT", 5, digest, task, 1, 0.5),
            prediction("BTCUSDT", 5, digest, 2),
        ])
        .expect("kept");
    let mut scores = Scores::new(&store, STEP);
    scores.look(BTreeSet::new(), false).expect("readable");
    let request = CardRequest {
        from_day: Some(0),
        until_day: Some(0),
        by_pair: true,
        by_bundle: false,
        with_intervals: true,
        wanted: &|wanted, _, _| wanted == task,
    };
    let lines = scores.view.ledger.card(&request);
    let [btc, eth] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((btc.count, btc.loss, btc.baselines.as_slice()), (1, 0.25, &[BaselineName::Climatology][..]));
    // The forecast says up with 0.625, it went down.
    assert_eq!((btc.hit_rate, btc.calibration_error), (0.0, 0.625));
    assert!(btc.has_too_few_days() && btc.skill.low.is_nan() && btc.skill.value < 1.0);
    // Nothing is known of the forecast but its loss.
    assert!(eth.loss == 0.5 && eth.hit_rate.is_nan() && eth.calibration_error.is_nan());
    assert_eq!(eth.symbol, Some("ETHUSDT".parse::<Symbol>().expect("a name")));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_scored() {
    let digest = bundle(1);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("klinecast.db");
    let store = SqliteStore::open(&path).expect("opens");
    let records: Vec<_> = (0..3)
        .flat_map(|day| {
            let bar = day * 96;
            [
                prediction("BTCUSDT", bar, digest, 1),
                resolution(
                    "BTCUSDT",
                    bar,
                    digest,
                    Task::Return1Step,
                    1,
                    if day == 1 { 0.765_432 } else { 0.5 },
                ),
            ]
        })
        .collect();
    store.append(&records).expect("kept");
    drop(store);
    // The second day's outcome has a loss of its own, which can be found in the file.
    let mut bytes = std::fs::read(&path).expect("readable");
    let (mark, damage) = (&b"\"loss\":0.765432"[..], &b"\"loss\":0.7654x2"[..]);
    let places: Vec<usize> =
        (0..bytes.len() - mark.len()).filter(|at| bytes[*at..].starts_with(mark)).collect();
    assert_eq!(places.len(), 1);
    bytes[places[0]..places[0] + mark.len()].copy_from_slice(damage);
    std::fs::write(&path, bytes).expect("written");
    let store = SqliteStore::open(&path).expect("opens");
    let mut scores = Scores::new(&store, STEP);
    while !scores.is_done() {
        scores.look(BTreeSet::new(), false).expect("the damage is no failure of the store");
    }
    assert_eq!(scores.view.damaged, BTreeSet::from([1]));
    assert_eq!((scores.view.ledger.oldest_day(), scores.view.ledger.newest_day()), (Some(0), Some(2)));
    // What retention drops is not scored any more, though outcomes of it may still be there.
    scores.forget_before(2);
    scores.look(BTreeSet::new(), true).expect("readable");
    assert!(scores.is_done() && scores.view.damaged.is_empty());
    assert_eq!((scores.view.ledger.oldest_day(), scores.view.dropped_before), (Some(2), Some(2)));
}

#[test]
fn a_queue_that_runs_over_asks_for_everything_again_and_a_stop_ends_it() {
    let touched = TouchedBars::default();
    let digest = bundle(1);
    let bars = i64::try_from(WAITING_BARS_MAX).expect("small") + 1;
    let records: Vec<_> =
        (0..bars).map(|bar| resolution("BTCUSDT", bar, digest, Task::Return1Step, 1, 0.5)).collect();
    touched.note(&records[1..]);
    let waiting = touched.take(None).expect("not stopped");
    assert!(waiting.bars.len() == WAITING_BARS_MAX && !waiting.overflowed);
    touched.note(&records);
    let waiting = touched.take(None).expect("not stopped");
    assert!(waiting.bars.is_empty() && waiting.overflowed);
    touched.stop();
    assert!(touched.take(None).is_none());
}
