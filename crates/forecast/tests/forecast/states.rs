//! Scenarios of the Forecaster.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::testkit::tiny_bundle;
use forecast::{
    Alarm, Bundle, BundleDigest, Effect, Event, Forecaster, ForecasterSettings, JournalRecord, Journalled,
    Prediction, Role, Source,
};
use kline::{BarTime, Interval, Kline, Symbol};

use crate::market::{FIRST_INDEX, M15, history, symbols};

const BARS: usize = 60;

/// A Forecaster with a champion, and the klines of its symbols to feed it with.
struct Scene {
    forecaster: Forecaster,
    names: Vec<Symbol>,
    klines: BTreeMap<Symbol, Vec<Kline>>,
    effects: Vec<Effect>,
}

fn bundle(seed: u64, names: &[Symbol], interval: Interval) -> Arc<Bundle> {
    Arc::new(tiny_bundle(seed, names, interval).build().expect("valid"))
}

impl Scene {
    fn new(count: usize) -> Self {
        let names = symbols(count);
        let settings = ForecasterSettings { symbols: names.clone(), interval: M15, max_lateness_ms: 30_000 };
        let klines = history(11, &names, BARS);
        let forecaster = Forecaster::new(settings);
        let mut scene = Self { forecaster, names, klines, effects: Vec::new() };
        scene.take_up(Role::Champion, 1);
        scene
    }

    fn take_up(&mut self, role: Role, seed: u64) -> BundleDigest {
        let bundle = bundle(seed, &self.names, M15);
        let digest = bundle.digest();
        self.apply(Event::TakeUp { role, bundle });
        digest
    }

    fn apply(&mut self, event: Event) {
        self.forecaster.apply(event, &mut self.effects);
    }

    fn close(&mut self, symbol: usize, bar: usize) {
        let symbol = self.names[symbol];
        let kline = self.klines[&symbol][bar];
        self.apply(Event::Kline { symbol, kline, closed: true, source: Source::Socket, heard: None });
    }

    fn close_all(&mut self, bars: std::ops::Range<usize>) {
        for bar in bars {
            (0..self.names.len()).for_each(|symbol| self.close(symbol, bar));
        }
    }

    fn time(&mut self, bar: usize, after_ms: i64) {
        self.apply(Event::Time(bar_time(bar).milliseconds() + after_ms));
    }

    /// Empties the effects and answers them.
    fn drain(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}

fn bar_time(bar: usize) -> BarTime {
    BarTime::last_closed((FIRST_INDEX + bar as i64 + 1) * M15.milliseconds(), M15)
}

fn published(effects: &[Effect]) -> Vec<Arc<Prediction>> {
    let one = |effect: &Effect| match effect {
        Effect::Publish(prediction) => Some(Arc::clone(prediction)),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

fn journalled(effects: &[Effect]) -> Vec<Arc<Prediction>> {
    let one = |effect: &Effect| match effect {
        Effect::Journal(JournalRecord::Prediction(prediction)) => Some(Arc::clone(prediction)),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

fn alarms(effects: &[Effect]) -> Vec<Alarm> {
    let one = |effect: &Effect| match effect {
        Effect::Alarm(alarm) => Some(alarm.clone()),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

fn fetches(effects: &[Effect]) -> Vec<(Symbol, BarTime, BarTime)> {
    let one = |effect: &Effect| match effect {
        Effect::Fetch { symbol, from, to } => Some((*symbol, *from, *to)),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

#[test]
fn a_bar_is_sealed_when_every_symbol_has_closed() {
    let mut scene = Scene::new(3);
    scene.close(0, 0);
    scene.close(2, 0);
    assert_eq!(scene.forecaster.watermark(), None);
    scene.close(1, 0);
    assert_eq!(scene.forecaster.watermark(), Some(bar_time(0)));
    let predictions = published(&scene.drain());
    let names: Vec<Symbol> = predictions.iter().map(|prediction| prediction.symbol).collect();
    assert_eq!(names, scene.names);
    assert!(predictions.iter().all(|p| p.revision == 1 && !p.provisional && p.tasks.len() == 7));
}

#[test]
fn a_bar_that_has_waited_long_enough_is_sealed_without_the_late_and_amended_when_it_comes() {
    let mut scene = Scene::new(3);
    scene.close_all(0..5);
    scene.drain();
    scene.close(0, 5);
    scene.close(1, 5);
    scene.time(5, 29_999);
    assert_eq!(scene.forecaster.watermark(), Some(bar_time(4)));
    scene.time(5, 30_000);
    assert_eq!(scene.forecaster.watermark(), Some(bar_time(5)));
    let effects = scene.drain();
    assert_eq!(published(&effects).len(), 2);
    assert_eq!(fetches(&effects), [(scene.names[2], bar_time(5), bar_time(5))]);
    let expected =
        Alarm::SealedIncomplete { bar: bar_time(5), waited_ms: 30_000, missing: vec![scene.names[2]] };
    assert_eq!(alarms(&effects), [expected]);

    scene.close(2, 5);
    let effects = scene.drain();
    assert!(matches!(alarms(&effects)[..], [Alarm::Replayed { replayed: 1, .. }]), "{effects:?}");
    let late = published(&effects);
    let of_late = late.iter().find(|prediction| prediction.symbol == scene.names[2]);
    assert_eq!(of_late.map(|prediction| prediction.revision), Some(1));
    // The others' cross-symbol features see the late symbol now.
    assert!(late.iter().any(|prediction| prediction.symbol != scene.names[2] && prediction.revision == 2));
}

#[test]
fn a_duplicate_does_nothing_and_an_unknown_symbol_is_named() {
    let mut scene = Scene::new(2);
    scene.close_all(0..3);
    scene.drain();
    scene.close(1, 1);
    scene.close(0, 2);
    assert!(scene.drain().is_empty());
    let stranger: Symbol = "DOGEUSDT".parse().expect("a symbol");
    let kline = scene.klines[&scene.names[0]][3];
    scene.apply(Event::Kline { symbol: stranger, kline, closed: true, source: Source::Socket, heard: None });
    assert_eq!(alarms(&scene.drain()), [Alarm::UnknownSymbol { symbol: stranger, bar: bar_time(3) }]);
}

#[test]
fn a_gap_is_fetched_and_asked_for_again() {
    let mut scene = Scene::new(2);
    scene.close_all(0..10);
    scene.drain();
    let mut asked = Vec::new();
    for bar in 10..30 {
        scene.close(0, bar);
        if !(10..14).contains(&bar) {
            scene.close(1, bar);
        }
        scene.time(bar, 60_000);
        asked.extend(fetches(&scene.drain()).into_iter().map(|(symbol, from, to)| {
            assert_eq!(symbol, scene.names[1]);
            (bar, from, to)
        }));
    }
    let whole = (bar_time(10), bar_time(13));
    assert!(asked.contains(&(14, whole.0, whole.1)), "{asked:?}");
    let last = asked.iter().rev().find(|(_, from, to)| (*from, *to) == whole).map(|(bar, ..)| *bar);
    assert!(last.is_some_and(|bar| bar > 20), "{asked:?}");
    assert_eq!(scene.forecaster.readiness()[1].bars_missing, 4);

    // All four come at once: one replay.
    let symbol = scene.names[1];
    let late: Vec<Event> = (10..14)
        .map(|bar| Event::Kline {
            symbol,
            kline: scene.klines[&symbol][bar],
            closed: true,
            source: Source::Rest,
            heard: None,
        })
        .collect();
    scene.forecaster.apply_all(late, &mut scene.effects);
    let effects = scene.drain();
    let Alarm::Replayed { bar, replayed, amended, .. } = alarms(&effects)[0].clone() else {
        panic!("{effects:?}")
    };
    assert_eq!((bar, replayed), (bar_time(10), 20));
    assert_eq!(published(&effects).len(), amended);
    assert_eq!(scene.forecaster.readiness()[1].bars_missing, 0);
}

#[test]
fn what_is_too_old_to_replay_is_stored_and_named() {
    let names = symbols(1);
    let settings = ForecasterSettings { symbols: names.clone(), interval: M15, max_lateness_ms: 0 };
    let mut forecaster = Forecaster::new(settings);
    let past = history(3, &names, 900);
    let mut effects = Vec::new();
    forecaster.warm_up(&past, &mut effects);
    assert!(effects.is_empty(), "without a bundle there is nothing to say");
    assert_eq!(forecaster.watermark(), Some(bar_time(899)));
    let other = history(4, &names, 900);
    let mut feed = |bar: usize, effects: &mut Vec<Effect>| {
        let kline = other[&names[0]][bar];
        let event =
            Event::Kline { symbol: names[0], kline, closed: true, source: Source::Archive, heard: None };
        forecaster.apply(event, effects);
    };
    feed(100, &mut effects);
    assert!(matches!(effects[..], [Effect::Alarm(Alarm::TooOld { .. }), Effect::StoreKline { .. }]));
    effects.clear();
    feed(899 - Forecaster::REPLAY_BARS, &mut effects);
    assert!(alarms(&effects).iter().all(|alarm| alarm.name() == "replayed"), "{effects:?}");
}

#[test]
fn a_challenger_answers_in_shadow_until_it_is_champion() {
    let mut scene = Scene::new(2);
    scene.close_all(0..4);
    scene.drain();
    let challenger = scene.take_up(Role::Challenger, 2);
    let effects = scene.drain();
    assert!(published(&effects).is_empty());
    assert_eq!(journalled(&effects).len(), 2, "it answers the last sealed bar at once");
    scene.close_all(4..5);
    let effects = scene.drain();
    assert_eq!((published(&effects).len(), journalled(&effects).len()), (2, 4));
    scene.take_up(Role::Champion, 2);
    let effects = scene.drain();
    assert_eq!((published(&effects).len(), journalled(&effects).len()), (2, 0), "already journalled");
    assert!(published(&effects).iter().all(|prediction| prediction.bundle == challenger));
    assert_eq!(scene.forecaster.bundles(Role::Challenger).count(), 0);
    assert_eq!(scene.forecaster.champion().map(|bundle| bundle.digest()), Some(challenger));
    let latest = scene.forecaster.latest(scene.names[0]).map(|prediction| prediction.bundle);
    assert_eq!(latest, Some(challenger));
}

#[test]
fn a_bundle_that_does_not_fit_is_refused_and_the_champion_goes_on() {
    let mut scene = Scene::new(2);
    let before = scene.forecaster.champion().map(|bundle| bundle.digest());
    scene
        .apply(Event::TakeUp { role: Role::Champion, bundle: bundle(9, &scene.names.clone(), Interval::H1) });
    let strangers = vec!["DOGEUSDT".parse().expect("a symbol")];
    scene.apply(Event::TakeUp { role: Role::Champion, bundle: bundle(9, &strangers, M15) });
    let reasons: Vec<_> = alarms(&scene.drain())
        .into_iter()
        .map(|alarm| match alarm {
            Alarm::BundleRefused { reason, .. } => reason.reason(),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(reasons, ["bundle_interval", "bundle_symbols"]);
    assert_eq!(scene.forecaster.champion().map(|bundle| bundle.digest()), before);
    for seed in 20..24 {
        scene.take_up(Role::Challenger, seed);
    }
    assert!(alarms(&scene.drain()).is_empty());
    scene.take_up(Role::Challenger, 24);
    assert_eq!(alarms(&scene.drain())[0].name(), "bundle_refused");
}

#[test]
fn a_symbol_that_the_bundle_does_not_know_gets_no_prediction() {
    let mut scene = Scene::new(3);
    let two = scene.names[..2].to_vec();
    scene.apply(Event::TakeUp { role: Role::Champion, bundle: bundle(3, &two, M15) });
    assert!(matches!(&alarms(&scene.drain())[..], [Alarm::SymbolsNotInBundle { symbols, .. }]
        if symbols[..] == scene.names[2..]));
    scene.close_all(0..1);
    assert_eq!(published(&scene.drain()).len(), 2);
}

#[test]
fn outcomes_are_scored_beside_the_baseline_even_after_the_bundle_was_dropped() {
    let mut scene = Scene::new(2);
    scene.close_all(0..10);
    let digest = scene.forecaster.champion().map(|bundle| bundle.digest()).expect("taken up");
    scene.apply(Event::Drop { role: Role::Champion });
    scene.drain();
    scene.close_all(10..40);
    let effects = scene.drain();
    assert!(published(&effects).is_empty() && scene.forecaster.skill().is_empty());
    let skill = scene.forecaster.skill_of(digest);
    let direction = &skill[3];
    assert_eq!((direction.task.name(), direction.resolved), ("direction_4step", 20));
    assert!(direction.loss > 0.0 && direction.baseline_loss > 0.0);
    assert!((direction.skill - (1.0 - direction.loss / direction.baseline_loss)).abs() < 1e-12);
    assert_eq!(skill[0].resolved, 0, "returns can't be scaled back while sigma is not warm");
    assert!(skill[0].skill.is_nan());
}

#[test]
fn a_nowcast_is_what_the_close_would_answer_and_changes_nothing() {
    let mut scene = Scene::new(1);
    scene.close_all(0..30);
    let symbol = scene.names[0];
    assert!(scene.forecaster.nowcast(symbol).is_none(), "no kline is forming");
    let forming = scene.klines[&symbol][30];
    scene.apply(Event::Kline { symbol, kline: forming, closed: false, source: Source::Socket, heard: None });
    let nowcast = scene.forecaster.nowcast(symbol).expect("a kline is forming");
    assert!(nowcast.provisional && nowcast.bar_time == bar_time(30));
    assert_eq!(scene.forecaster.watermark(), Some(bar_time(29)));
    scene.drain();
    scene.close(0, 30);
    let closed = published(&scene.drain()).remove(0);
    assert_eq!(nowcast.row_hash, closed.row_hash);
    assert!(nowcast.tasks.iter().zip(&closed.tasks).all(|(a, b)| a.same_bits(b)));
    assert!(scene.forecaster.nowcast(symbol).is_none(), "it has closed");
}

#[test]
fn a_restart_goes_on_where_the_journal_ends() {
    let mut first = Scene::new(2);
    first.close_all(0..40);
    let journal = journalled(&first.drain());
    let past: BTreeMap<Symbol, Vec<Kline>> =
        first.klines.iter().map(|(symbol, klines)| (*symbol, klines[..40].to_vec())).collect();

    let settings =
        ForecasterSettings { symbols: first.names.clone(), interval: M15, max_lateness_ms: 30_000 };
    let forecaster = Forecaster::new(settings);
    let (names, klines) = (first.names.clone(), first.klines.clone());
    let mut second = Scene { forecaster, names, klines, effects: Vec::new() };
    second.forecaster.warm_up(&past, &mut second.effects);
    // The journal is one bar ahead of the kline store, as a kill can leave them.
    first.close_all(40..41);
    let ahead = journalled(&first.drain());
    assert_eq!(ahead.len(), 2);
    let predictions = journal.into_iter().chain(ahead).collect();
    second.forecaster.remember(Journalled { predictions, ..Journalled::default() });
    second.take_up(Role::Champion, 1);
    let effects = second.drain();
    assert!(journalled(&effects).is_empty(), "nothing is journalled twice");
    assert_eq!(published(&effects).len(), 2, "but readers have the last answers again");

    let resolutions = |effects: &[Effect]| -> Vec<_> {
        let one = |effect: &Effect| match effect {
            Effect::Journal(JournalRecord::Resolution(resolution)) => Some(resolution.clone()),
            _ => None,
        };
        effects.iter().filter_map(one).collect()
    };
    second.close_all(40..41);
    assert!(journalled(&second.drain()).is_empty(), "nor is the bar that was ahead");
    first.close_all(41..50);
    second.close_all(41..50);
    let (a, b) = (first.drain(), second.drain());
    assert_eq!(resolutions(&a), resolutions(&b));
    assert!(!resolutions(&a).is_empty());
    assert!(journalled(&a).iter().zip(journalled(&b)).all(|(a, b)| a.same_bits(&b)));
}

#[test]
fn a_damaged_time_stops_nobody() {
    let mut scene = Scene::new(2);
    scene.close_all(0..3);
    scene.drain();
    let symbol = scene.names[0];
    let mut fields = *scene.klines[&symbol][3].fields();
    for time in [&mut fields.open_time, &mut fields.close_time] {
        *time += 40 * 86_400_000;
    }
    let kline = Kline::new(M15, fields).expect("valid in itself");
    scene.apply(Event::Kline { symbol, kline, closed: true, source: Source::Socket, heard: None });
    assert_eq!(alarms(&scene.drain())[0].name(), "from_the_future");
    scene.close_all(3..5);
    assert_eq!(scene.forecaster.watermark(), Some(bar_time(4)));
}

#[test]
fn a_prediction_keeps_its_bits_on_the_wire() {
    let mut scene = Scene::new(1);
    scene.close_all(0..3);
    let prediction = published(&scene.drain()).remove(2);
    assert!(prediction.row.iter().any(|value| value.is_nan()), "early rows have gaps");
    let text = serde_json::to_string(&prediction).expect("JSON");
    let back: Prediction = serde_json::from_str(&text).expect("JSON");
    assert!(back.same_bits(&prediction) && back.revision == prediction.revision);
    assert_eq!(serde_json::to_string(&back).expect("JSON"), text);
}

#[test]
fn a_symbol_that_has_gone_is_no_longer_waited_for() {
    let names = symbols(2);
    let settings = ForecasterSettings { symbols: names.clone(), interval: M15, max_lateness_ms: 30_000 };
    let mut forecaster = Forecaster::new(settings);
    let klines = history(3, &names, 200);
    let mut effects = Vec::new();
    let mut waited = 0;
    for (bar, (gone, stays)) in klines[&names[1]].iter().zip(&klines[&names[0]]).enumerate() {
        let arrived = [(names[0], Some(stays)), (names[1], Some(gone).filter(|_| bar < 50))];
        for (symbol, kline) in arrived {
            let Some(&kline) = kline else { continue };
            let event = Event::Kline { symbol, kline, closed: true, source: Source::Socket, heard: None };
            forecaster.apply(event, &mut effects);
        }
        if forecaster.watermark() != Some(bar_time(bar)) {
            waited += 1;
            let late = bar_time(bar).milliseconds() + 30_000;
            forecaster.apply(Event::Time(late), &mut effects);
        }
        assert_eq!(forecaster.watermark(), Some(bar_time(bar)));
    }
    assert_eq!(waited, 96);
}
