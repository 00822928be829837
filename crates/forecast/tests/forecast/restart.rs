//! What a restart owes the journal: predictions whose klines were stored and which were not said, outcomes that came true while
//! nobody was there, and revisions that go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::testkit::tiny_bundle;
use forecast::{
    Alarm, Bundle, Effect, Event, Forecaster, ForecasterSettings, JournalRecord, Journalled, Role, Source,
};
use kline::{Kline, KlineFields, Symbol};

use crate::market::{M15, history, symbols};

/// A market, a bundle and what one process has journalled.
struct Process {
    forecaster: Forecaster,
    klines: BTreeMap<Symbol, Vec<Kline>>,
    journal: Journalled,
    alarms: Vec<Alarm>,
}

impl Process {
    /// Starts on the stored klines up to `end` and a journal.
    fn start(klines: BTreeMap<Symbol, Vec<Kline>>, end: usize, journalled: Journalled) -> Process {
        let names = symbols(2);
        let settings = ForecasterSettings { symbols: names.clone(), interval: M15, max_lateness_ms: 30_000 };
        let mut process = Process {
            forecaster: Forecaster::new(settings),
            klines,
            journal: Journalled::default(),
            alarms: Vec::new(),
        };
        let past = process.klines.iter().map(|(symbol, klines)| (*symbol, klines[..end].to_vec())).collect();
        let mut effects = Vec::new();
        process.forecaster.remember(journalled);
        process.forecaster.warm_up(&past, &mut effects);
        process.take(effects);
        process.take_up(5);
        process
    }

    /// Takes up the bundle of a seed as champion.
    fn take_up(&mut self, seed: u64) {
        let bundle: Arc<Bundle> = Arc::new(tiny_bundle(seed, &symbols(2), M15).build().expect("valid"));
        let mut effects = Vec::new();
        self.forecaster.apply(Event::TakeUp { role: Role::Champion, bundle }, &mut effects);
        self.take(effects);
    }

    fn close(&mut self, bars: std::ops::Range<usize>) {
        for bar in bars {
            for (symbol, kline) in
                self.klines.iter().map(|(symbol, klines)| (*symbol, klines[bar])).collect::<Vec<_>>()
            {
                self.apply(symbol, kline);
            }
        }
    }

    fn apply(&mut self, symbol: Symbol, kline: Kline) {
        let mut effects = Vec::new();
        let event = Event::Kline { symbol, kline, closed: true, source: Source::Socket, heard: None };
        self.forecaster.apply(event, &mut effects);
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Journal(JournalRecord::Prediction(prediction)) => {
                    self.journal.predictions.push(prediction);
                }
                Effect::Journal(JournalRecord::Resolution(resolution)) => {
                    self.journal.resolutions.push(resolution);
                }
                Effect::Alarm(alarm) => self.alarms.push(alarm),
                _ => {}
            }
        }
    }

    /// The journal up to so many predictions and resolutions: the rest was lost with the process.
    fn torn(&self, predictions: usize, resolutions: usize) -> Journalled {
        Journalled {
            predictions: self.journal.predictions[..predictions].to_vec(),
            resolutions: self.journal.resolutions[..resolutions].to_vec(),
        }
    }
}

fn market(bars: usize) -> BTreeMap<Symbol, Vec<Kline>> {
    history(23, &symbols(2), bars)
}

#[test]
fn what_was_stored_and_not_said_is_said_by_the_restart() {
    let mut first = Process::start(market(60), 0, Journalled::default());
    first.close(0..40);
    let (predictions, resolutions) = (first.journal.predictions.len(), first.journal.resolutions.len());
    assert_eq!(predictions, 80);

    let second = Process::start(market(60), 40, first.torn(predictions - 7, resolutions - 5));
    let said = &second.journal.predictions;
    assert_eq!(said.len(), 7);
    for (lost, said) in first.journal.predictions[predictions - 7..].iter().zip(said) {
        assert!(lost.same_bits(said) && lost.revision == said.revision);
    }
    assert_eq!(second.journal.resolutions, first.journal.resolutions[resolutions - 5..]);
    assert!(matches!(second.alarms[..], [Alarm::CaughtUp { amended: 7, .. }]), "{:?}", second.alarms);

    let third = Process::start(market(60), 40, first.torn(predictions, resolutions));
    assert!(
        third.journal.predictions.is_empty()
            && third.journal.resolutions.is_empty()
            && third.alarms.is_empty()
    );
}

#[test]
fn what_was_said_from_a_kline_that_was_corrected_since_is_amended() {
    let mut first = Process::start(market(60), 0, Journalled::default());
    first.close(0..40);
    let symbol = symbols(2)[0];
    let before = first.klines[&symbol][36];
    let corrected = KlineFields { volume: before.volume + 1.0, ..*before.fields() };
    let corrected = Kline::new(M15, corrected).expect("valid");
    let journalled = first.journal.clone();
    first.apply(symbol, corrected);
    let amended = &first.journal.predictions[journalled.predictions.len()..];
    assert!(!amended.is_empty());

    // The corrected kline was stored, the amendment was lost.
    let mut stored = market(60);
    stored.get_mut(&symbol).expect("there")[36] = corrected;
    let second = Process::start(stored, 40, journalled);
    let said = &second.journal.predictions;
    assert_eq!(said.len(), amended.len());
    assert!(
        amended.iter().zip(said).all(|(a, b)| a.same_bits(b) && a.revision == b.revision && b.revision == 2)
    );
}

#[test]
fn outcomes_that_come_true_while_nobody_runs_are_resolved() {
    const AWAY: usize = 700;
    const { assert!(AWAY > Forecaster::REPLAY_BARS) };
    let mut first = Process::start(market(100 + AWAY), 0, Journalled::default());
    first.close(0..60);
    let journal = first.journal.clone();
    let second = Process::start(market(100 + AWAY), 60 + AWAY, journal.clone());
    // The same process, had it lived on.
    first.close(60..80);
    let of_old = |resolution: &&forecast::Resolution| {
        journal.predictions.iter().any(|told| told.bar_time == resolution.bar_time)
    };
    let expected: Vec<_> =
        first.journal.resolutions[journal.resolutions.len()..].iter().filter(of_old).cloned().collect();
    assert!(expected.len() > 4, "{}", expected.len());
    assert_eq!(second.journal.resolutions, expected);
}

#[test]
fn a_resolution_that_changes_after_a_restart_is_the_next_revision() {
    let mut first = Process::start(market(60), 0, Journalled::default());
    first.close(0..40);
    let mut second = Process::start(market(60), 40, first.journal.clone());
    let symbol = symbols(2)[0];
    let before = second.klines[&symbol][36];
    let close = before.low + (before.high - before.low) * 0.3;
    assert!(close != before.close);
    let corrected = Kline::new(M15, KlineFields { close, ..*before.fields() }).expect("valid");
    for process in [&mut first, &mut second] {
        process.journal = Journalled::default();
        process.apply(symbol, corrected);
    }
    assert!(first.journal.resolutions.iter().any(|resolution| resolution.revision == 2));
    assert_eq!(second.journal.resolutions, first.journal.resolutions);
}

#[test]
fn a_bundle_that_comes_back_after_a_restart_says_nothing_about_anothers_bars() {
    let mut first = Process::start(market(60), 0, Journalled::default());
    first.close(0..20);
    first.take_up(6);
    first.close(20..40);
    let said = first.journal.predictions.len();
    let mut second = Process::start(market(60), 40, first.journal.clone());
    assert!(said == 82, "{said}");
    // Seed 5 was the first champion; the last bar alone is answered by it, too.
    let bars: Vec<_> = second.journal.predictions.iter().map(|prediction| prediction.bar_time).collect();
    assert!(
        bars.len() == 2 && bars.iter().all(|bar| Some(*bar) == second.forecaster.watermark()),
        "{bars:?}"
    );
    second.take_up(6);
    assert_eq!(second.journal.predictions.len(), 2, "it has said all of its bars before");
}
