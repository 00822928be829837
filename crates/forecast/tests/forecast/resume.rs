//! A restart that resumes a snapshot answers the bits of one that replays the history, or is told why it may not.

use std::sync::Arc;

use features::SnapshotError;
use forecast::testkit::tiny_bundle;
use forecast::{
    Effect, Event, Forecaster, ForecasterSettings, JournalRecord, Prediction, ResumeError, Role, Source,
};
use kline::{BarTime, Interval, Kline, KlineFields, Symbol};

use crate::live_is_batch::{Histories, closed, settings};
use crate::market::{FIRST_INDEX, M15, history, symbols};

const BARS: usize = 5_200;

/// The earlier process saw the bars from the first to here.
const STOPPED: usize = 4_700;

/// The later one starts here, with the last [`Forecaster::HISTORY_BARS`] bars.
const STARTED: usize = 5_000;

fn part(whole: &Histories, from: usize, until: usize) -> Histories {
    whole.iter().map(|(symbol, klines)| (*symbol, klines[from..until].to_vec())).collect()
}

fn bar(place: usize) -> BarTime {
    BarTime::from_open((FIRST_INDEX + place as i64) * M15.milliseconds(), M15).expect("on the grid")
}

/// The bars' klines, one bar after another.
fn feed(forecaster: &mut Forecaster, klines: &Histories) -> Vec<Effect> {
    let mut effects = Vec::new();
    let bars = klines.values().map(Vec::len).max().unwrap_or(0);
    for place in 0..bars {
        let events = klines.iter().map(|(symbol, klines)| closed(*symbol, klines[place], Source::Socket));
        forecaster.apply_all(events, &mut effects);
    }
    effects
}

fn warmed(names: &[Symbol], past: &Histories) -> Forecaster {
    let mut forecaster = Forecaster::new(settings(names));
    forecaster.warm_up(past, &mut Vec::new());
    forecaster
}

/// What a process leaves that saw the bars up to [`STOPPED`], the last 300 of them live.
fn snapshot(names: &[Symbol], whole: &Histories) -> Vec<u8> {
    let mut forecaster = warmed(names, &part(whole, 0, STOPPED - 300));
    feed(&mut forecaster, &part(whole, STOPPED - 300, STOPPED));
    let bar_behind = |behind| bar(STOPPED - 1 - behind);
    let saved = forecaster.snapshot_bar().expect("one can go back");
    assert!((bar_behind(576)..=bar_behind(512)).contains(&saved), "{saved}");
    forecaster.snapshot().expect("one can go back")
}

fn predictions(effects: &[Effect]) -> Vec<&Arc<Prediction>> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Journal(JournalRecord::Prediction(prediction)) => Some(prediction),
            _ => None,
        })
        .collect()
}

#[test]
fn resumed_or_replayed_every_later_bit_is_the_same() {
    let names = symbols(3);
    let mut whole = history(5, &names, BARS);
    let snapshot = snapshot(&names, &whole);
    // What lies before all that can still be answered depends on may have changed.
    let first = &mut whole.get_mut(&names[0]).expect("there")[STARTED - Forecaster::HISTORY_BARS + 100];
    *first = corrected(first);
    let past = part(&whole, STARTED - Forecaster::HISTORY_BARS, STARTED);
    let mut resumed = Forecaster::new(settings(&names));
    let after = resumed.resume(&snapshot, &past).expect("of the same klines");
    assert!(after < bar(STOPPED - 512));
    resumed.warm_up(&past, &mut Vec::new());
    let mut replayed = warmed(&names, &past);
    let bundle = Arc::new(tiny_bundle(3, &names, M15).build().expect("valid"));
    let later = part(&whole, STARTED, BARS);
    let mut answers = [&mut resumed, &mut replayed].map(|forecaster| {
        let mut effects = Vec::new();
        let bundle = Arc::clone(&bundle);
        forecaster.apply(Event::TakeUp { role: Role::Champion, bundle }, &mut effects);
        effects.extend(feed(forecaster, &later));
        // A correction of the oldest bar that both still hold goes back to what was kept.
        let kline = corrected(&whole[&names[1]][BARS - 512]);
        forecaster.apply(closed(names[1], kline, Source::Rest), &mut effects);
        effects
    });
    assert_eq!(resumed.readiness(), replayed.readiness());
    assert_eq!(resumed.watermark(), replayed.watermark());
    let (replays, resumes) = (answers[1].split_off(0), answers[0].split_off(0));
    let (ours, theirs) = (predictions(&resumes), predictions(&replays));
    assert!(ours.len() > 3 * 201, "the correction amends: {}", ours.len());
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.iter().zip(&theirs).all(|(a, b)| a.same_bits(b) && a.revision == b.revision));
}

fn corrected(kline: &Kline) -> Kline {
    Kline::new(M15, KlineFields { volume: kline.volume * 1.5, quote_volume: None, ..*kline.fields() })
        .expect("valid")
}

#[test]
fn a_snapshot_of_other_klines_is_refused_and_the_history_is_replayed() {
    let names = symbols(2);
    let whole = history(6, &names, BARS);
    let snapshot = snapshot(&names, &whole);
    let past = part(&whole, STARTED - Forecaster::HISTORY_BARS, STARTED);
    let changed = |change: &dyn Fn(&mut Vec<Kline>)| {
        let mut past = past.clone();
        change(past.get_mut(&names[1]).expect("there"));
        past
    };
    for (what, past) in [
        ("corrected", changed(&|klines| klines[1_000] = corrected(&klines[1_000]))),
        ("cut", changed(&|klines| klines.truncate(1_000))),
        ("gone", changed(&Vec::clear)),
    ] {
        let mut forecaster = Forecaster::new(settings(&names));
        match forecaster.resume(&snapshot, &past) {
            Err(ResumeError::Klines { symbol, block }) => {
                assert_eq!(symbol, names[1]);
                assert!(
                    what == "gone" || (0..64).contains(&bar(2_000).steps_since(block, M15)),
                    "{what}: {block}"
                );
            }
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(forecaster.snapshot_bar(), None, "nothing was taken up");
        forecaster.warm_up(&past, &mut Vec::new());
        let row = |forecaster: &Forecaster| forecaster.row(names[0]).map(|row| row.values.to_vec());
        let bits =
            |row: Option<Vec<f64>>| row.map(|row| row.into_iter().map(f64::to_bits).collect::<Vec<_>>());
        assert_eq!(bits(row(&forecaster)), bits(row(&warmed(&names, &past))), "{what}");
    }
}

#[test]
fn a_snapshot_of_another_forecaster_is_refused_by_name() {
    let names = symbols(2);
    let whole = history(7, &names, BARS);
    let snapshot = snapshot(&names, &whole);
    let past = part(&whole, STARTED - Forecaster::HISTORY_BARS, STARTED);
    let refusal = |settings: ForecasterSettings, past: &Histories| {
        Forecaster::new(settings).resume(&snapshot, past).expect_err("refused")
    };
    let other = symbols(3);
    let expected = ResumeError::Symbols { difference: vec![other[2]] };
    assert_eq!(refusal(settings(&other), &past), expected);
    assert!(expected.to_string().contains("ETHUSDT"), "{expected}");
    let hourly = ForecasterSettings { interval: Interval::H1, ..settings(&names) };
    assert_eq!(refusal(hourly, &past), ResumeError::Interval { found: M15, expected: Interval::H1 });

    let earlier = part(&whole, 0, STOPPED - 600);
    assert!(matches!(refusal(settings(&names), &earlier), ResumeError::Time { .. }));
    assert!(matches!(refusal(settings(&names), &Histories::new()), ResumeError::Time { .. }));

    let mut begun = warmed(&names, &past);
    let sealed = bar(STARTED - 1);
    assert_eq!(begun.resume(&snapshot, &past), Err(ResumeError::Begun { sealed }));
    assert_eq!(Forecaster::new(settings(&names)).snapshot(), None);
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let names = symbols(1);
    let whole = history(8, &names, BARS);
    let snapshot = snapshot(&names, &whole);
    let past = part(&whole, STARTED - Forecaster::HISTORY_BARS, STARTED);
    let refusal = |bytes: &[u8]| Forecaster::new(settings(&names)).resume(bytes, &past).expect_err("refused");
    for length in (0..snapshot.len()).step_by(997) {
        let error = refusal(&snapshot[..length]);
        assert!(matches!(error, ResumeError::Snapshot(_)), "{length} bytes: {error}");
    }
    for place in (0..snapshot.len()).step_by(1_009) {
        let mut bytes = snapshot.clone();
        bytes[place] ^= 1 << (place % 8);
        assert!(matches!(refusal(&bytes), ResumeError::Snapshot(_)), "a bit in byte {place}");
    }
    let engine = {
        let mut engine = features::FeatureEngine::new(&names, M15);
        let kline = &whole[&names[0]][0];
        engine.close(0, kline).expect("in order");
        engine.seal(kline.bar_time(M15));
        engine.snapshot()
    };
    let length = engine.len();
    assert_eq!(refusal(&engine), ResumeError::Snapshot(SnapshotError::NotASnapshot { length }));
}
