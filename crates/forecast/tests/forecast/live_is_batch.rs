//! Whatever order klines arrive in: the last revisions are those of a clean run over the final klines.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::testkit::{Random, tiny_bundle};
use forecast::{
    Bundle, Effect, Event, Forecaster, ForecasterSettings, JournalRecord, Prediction, Resolution, Role,
    Source, Task, TaskSkill, for_each_row,
};
use kline::{BarTime, Kline, Symbol};
use proptest::prelude::*;

use crate::market::{FIRST_INDEX, M15, history, kline, symbols};

/// Enough for every recursive feature to be warm, and short of the regime's cuts for speed.
pub(crate) const WARM_BARS: usize = 1_200;

pub(crate) const LIVE_BARS: usize = 90;

pub(crate) type Histories = BTreeMap<Symbol, Vec<Kline>>;

/// What a run left behind: the last word on everything.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) predictions: BTreeMap<(Symbol, BarTime), Arc<Prediction>>,
    pub(crate) resolutions: BTreeMap<(Symbol, BarTime, Task), Resolution>,
    pub(crate) stored: BTreeMap<(Symbol, BarTime), Kline>,
    pub(crate) replays: usize,
    /// Alarms that are expected beside those of late klines.
    pub(crate) expected: &'static [&'static str],
}

impl Left {
    pub(crate) fn take(&mut self, effects: &mut Vec<Effect>) {
        for effect in effects.drain(..) {
            match effect {
                Effect::Journal(JournalRecord::Prediction(prediction)) => {
                    let key = (prediction.symbol, prediction.bar_time);
                    let before = self.predictions.insert(key, Arc::clone(&prediction));
                    assert_eq!(prediction.revision, before.map_or(1, |before| before.revision + 1));
                }
                Effect::Journal(JournalRecord::Resolution(resolution)) => {
                    let key = (resolution.symbol, resolution.bar_time, resolution.task);
                    let before = self.resolutions.insert(key, resolution.clone());
                    assert_eq!(resolution.revision, before.map_or(1, |before| before.revision + 1));
                }
                Effect::Publish(prediction) => {
                    let journalled = &self.predictions[&(prediction.symbol, prediction.bar_time)];
                    assert!(Arc::ptr_eq(journalled, &prediction), "journalled before it is published");
                }
                Effect::StoreKline { symbol, kline } => {
                    self.stored.insert((symbol, kline.bar_time(M15)), kline);
                }
                Effect::Alarm(alarm) => {
                    self.replays += usize::from(alarm.name() == "replayed");
                    let is_known = matches!(alarm.name(), "replayed" | "sealed_incomplete");
                    assert!(is_known || self.expected.contains(&alarm.name()), "{alarm}");
                }
                Effect::Fetch { .. } => {}
            }
        }
    }
}

pub(crate) fn settings(names: &[Symbol]) -> ForecasterSettings {
    ForecasterSettings { symbols: names.to_vec(), interval: M15, max_lateness_ms: 30_000 }
}

pub(crate) fn warm(names: &[Symbol], past: &Histories, bundle: &Arc<Bundle>, left: &mut Left) -> Forecaster {
    let mut forecaster = Forecaster::new(settings(names));
    let mut effects = Vec::new();
    forecaster.warm_up(past, &mut effects);
    forecaster.apply(Event::TakeUp { role: Role::Champion, bundle: Arc::clone(bundle) }, &mut effects);
    left.take(&mut effects);
    forecaster
}

/// Splits each series into history and what is to come live.
pub(crate) fn split(whole: &Histories) -> (Histories, Histories) {
    let part = |from: usize, to: usize| {
        whole.iter().map(|(symbol, klines)| (*symbol, klines[from..to].to_vec())).collect()
    };
    (part(0, WARM_BARS), part(WARM_BARS, WARM_BARS + LIVE_BARS))
}

pub(crate) fn closed(symbol: Symbol, kline: Kline, source: Source) -> Event {
    Event::Kline { symbol, kline, closed: true, source, heard: None }
}

/// The clean run: every kline once, in order of bars.
fn batch(names: &[Symbol], past: &Histories, live: &Histories, bundle: &Arc<Bundle>) -> (Forecaster, Left) {
    let mut left = Left::default();
    let mut forecaster = warm(names, past, bundle, &mut left);
    let mut effects = Vec::new();
    for bar in 0..LIVE_BARS {
        for (symbol, klines) in live {
            forecaster.apply(closed(*symbol, klines[bar], Source::Store), &mut effects);
        }
        left.take(&mut effects);
    }
    assert_eq!(left.replays, 0);
    (forecaster, left)
}

/// Every event with the time at which it arrives: most klines soon after their bar's end, some late by many bars,
/// some twice, some wrong at first.
pub(crate) fn arrivals(live: &Histories, seed: u64) -> Vec<(i64, Event)> {
    let mut random = Random(seed);
    let mut events = Vec::new();
    for (symbol, klines) in live {
        for final_kline in klines {
            let end = final_kline.close_time;
            let mut delay = random.between(0.0, 3_000.0) as i64;
            match random.below(20) {
                0 => delay += random.below(40_000_000) as i64,
                1 | 2 => delay += random.below(120_000) as i64,
                _ => {}
            }
            if random.below(12) == 0 {
                let wrong = kline(
                    final_kline.open_time / M15.milliseconds(),
                    final_kline.open,
                    final_kline.close * random.between(0.99, 1.01),
                    &mut random,
                );
                events.push((end + delay, closed(*symbol, wrong, Source::Socket)));
                delay += 1 + random.below(8_000_000) as i64;
            }
            let source = if delay > 100_000 { Source::Rest } else { Source::Socket };
            events.push((end + delay, closed(*symbol, *final_kline, source)));
            for _ in 0..random.below(3) {
                let again = end + delay + random.below(3_000_000) as i64;
                events.push((again, closed(*symbol, *final_kline, Source::Socket)));
            }
            let forming = Event::Kline {
                symbol: *symbol,
                kline: *final_kline,
                closed: false,
                source: Source::Socket,
                heard: None,
            };
            events.push((final_kline.open_time + random.below(1_800_000) as i64, forming));
        }
    }
    events.sort_by_key(|(arrival, _)| *arrival);
    events
}

fn live(
    names: &[Symbol],
    past: &Histories,
    live: &Histories,
    bundle: &Arc<Bundle>,
    seed: u64,
) -> (Forecaster, Left) {
    let mut left = Left::default();
    let mut forecaster = warm(names, past, bundle, &mut left);
    let mut random = Random(seed ^ 0xabcd);
    let (mut effects, mut together) = (Vec::new(), Vec::new());
    let mut end = 0;
    for (arrival, event) in arrivals(live, seed) {
        end = arrival;
        together.push(Event::Time(arrival));
        together.push(event);
        if random.below(3) > 0 {
            forecaster.apply_all(together.drain(..), &mut effects);
            left.take(&mut effects);
        }
        if random.below(20) == 0 {
            for symbol in names {
                let nowcast = forecaster.nowcast(*symbol);
                assert!(nowcast.is_none_or(|nowcast| nowcast.provisional));
            }
        }
    }
    together.push(Event::Time(end + 100 * M15.milliseconds()));
    forecaster.apply_all(together, &mut effects);
    left.take(&mut effects);
    (forecaster, left)
}

fn bits(skill: &[TaskSkill]) -> Vec<(Task, u64, u64, u64)> {
    skill.iter().map(|s| (s.task, s.resolved, s.loss.to_bits(), s.baseline_loss.to_bits())).collect()
}

fn assert_same(a: &(Forecaster, Left), b: &(Forecaster, Left)) -> Result<(), TestCaseError> {
    let keys = |left: &Left| left.predictions.keys().copied().collect::<Vec<_>>();
    prop_assert_eq!(keys(&a.1), keys(&b.1));
    for (key, prediction) in &a.1.predictions {
        prop_assert!(prediction.same_bits(&b.1.predictions[key]), "{:?}", key);
    }
    let outcomes = |left: &Left| -> Vec<_> {
        let entry = |(key, r): (&(Symbol, BarTime, Task), &Resolution)| {
            (*key, r.outcome.to_bits(), r.loss.to_bits(), r.baseline_loss.to_bits())
        };
        left.resolutions.iter().map(entry).collect()
    };
    prop_assert_eq!(outcomes(&a.1), outcomes(&b.1));
    prop_assert_eq!(bits(&a.0.skill()), bits(&b.0.skill()));
    prop_assert_eq!(a.0.watermark(), b.0.watermark());
    for symbol in a.0.symbols() {
        let latest = |forecaster: &Forecaster| forecaster.latest(*symbol).cloned();
        let (x, y) = (latest(&a.0), latest(&b.0));
        prop_assert!(x.zip(y).is_some_and(|(x, y)| x.same_bits(&y)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn any_order_of_arrival_ends_in_the_bits_of_the_clean_run(seed in 1u64..1_000_000) {
        let names = symbols(3);
        let whole = history(seed, &names, WARM_BARS + LIVE_BARS);
        let (past, coming) = split(&whole);
        let bundle = Arc::new(tiny_bundle(seed, &names, M15).build().expect("valid"));
        let clean = batch(&names, &past, &coming, &bundle);
        let wild = live(&names, &past, &coming, &bundle, seed);
        assert_same(&clean, &wild)?;
        prop_assert!(wild.1.replays > 10, "the schedule is wild: {}", wild.1.replays);
        for (symbol, klines) in &coming {
            for kline in klines {
                prop_assert!(wild.1.stored[&(*symbol, kline.bar_time(M15))].same_bits(kline));
            }
        }
        let scored: u64 = clean.0.skill().iter().map(|skill| skill.resolved).sum();
        prop_assert!(scored > 1_000, "{scored} outcomes were scored");
    }

    #[test]
    fn the_trainers_rows_are_the_servers_rows(seed in 1u64..1_000_000) {
        let names = symbols(2);
        let mut whole = history(seed, &names, WARM_BARS + LIVE_BARS);
        let bundle = Arc::new(tiny_bundle(seed, &names, M15).build().expect("valid"));
        let (past, coming) = split(&whole);
        let (_, left) = batch(&names, &past, &coming, &bundle);
        // A hole long before the live part, which both must take alike, would change rows: here both have none.
        let mut rows = BTreeMap::new();
        for_each_row(&whole, M15, |row| {
            rows.insert((row.symbol, row.bar), (row.values.to_vec(), *row.outcomes));
        });
        prop_assert_eq!(rows.len(), names.len() * (WARM_BARS + LIVE_BARS));
        for (key, prediction) in &left.predictions {
            let (values, outcomes) = &rows[key];
            let same = values.iter().zip(prediction.row.iter()).all(|(a, b)| a.to_bits() == b.to_bits());
            prop_assert!(same, "{:?}", key);
            for task in Task::ALL {
                if let Some(resolution) = left.resolutions.get(&(key.0, key.1, task)) {
                    prop_assert_eq!(outcomes[task.index()].to_bits(), resolution.outcome.to_bits());
                }
            }
        }
        // And a hole makes outcomes missing, in the rows too.
        let hole = WARM_BARS as i64 - 100;
        let klines = whole.get_mut(&names[0]).expect("there");
        klines.remove(hole as usize);
        let before = BarTime::last_closed((FIRST_INDEX + hole) * M15.milliseconds(), M15);
        for_each_row(&whole, M15, |row| {
            if row.symbol == names[0] && row.bar == before {
                assert!(row.outcomes.iter().all(|outcome| outcome.is_nan()));
            }
        });
    }
}

#[test]
fn where_the_history_starts_does_not_matter() {
    let names = symbols(2);
    let whole = history(5, &names, Forecaster::HISTORY_BARS + 333);
    let recent: Histories = whole.iter().map(|(symbol, klines)| (*symbol, klines[333..].to_vec())).collect();
    let bundle = Arc::new(tiny_bundle(5, &names, M15).build().expect("valid"));
    let (mut all, mut some) = (Left::default(), Left::default());
    warm(&names, &whole, &bundle, &mut all);
    let forecaster = warm(&names, &recent, &bundle, &mut some);
    assert_eq!(all.predictions.len(), 2);
    for (key, prediction) in &all.predictions {
        assert!(prediction.same_bits(&some.predictions[key]));
        let regime = prediction.task(Task::VolRegime4Step).expect("all tasks");
        assert!(regime.baselines.iter().all(|named| !named.answer.is_missing()), "the cuts are known");
    }
    for readiness in forecaster.readiness() {
        assert!(readiness.ready && readiness.bars_missing == 0, "{readiness:?}");
        assert_eq!(readiness.regime_bars_known, forecast::REGIME_WINDOW_BARS);
    }
}
