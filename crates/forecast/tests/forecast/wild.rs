//! Klines that never come, symbols that begin late and end early, and restarts in the middle of it, some of which find klines
//! stored whose predictions were not journalled: the last revisions are still those of one clean pass over the final
//! klines, whether a restart replays its history or resumes a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::testkit::{Random, tiny_bundle};
use forecast::{
    Alarm, Bundle, Effect, Event, Forecaster, JournalRecord, Journalled, Prediction, Resolution, Role,
    Source, Task,
};
use kline::{BarTime, Kline, Symbol};
use proptest::prelude::*;

use crate::live_is_batch::{Histories, arrivals, closed, settings};
use crate::market::{FIRST_INDEX, M15, history, symbols};

const WARM_BARS: usize = 1_200;

const LIVE_BARS: usize = 160;

/// What outlives a process: the kline store and the journal.
#[derive(Default)]
struct Disk {
    klines: BTreeMap<Symbol, BTreeMap<BarTime, Kline>>,
    predictions: BTreeMap<(Symbol, BarTime), Vec<Arc<Prediction>>>,
    resolutions: BTreeMap<(Symbol, BarTime, Task), Vec<Resolution>>,
    replays: usize,
    restarts: usize,
    /// How many predictions a restart has made in place of the process before.
    caught_up: usize,
    /// The last snapshot that a process has saved, and how often one was taken up.
    snapshot: Option<Vec<u8>>,
    resumed: usize,
}

impl Disk {
    fn with(past: &Histories) -> Self {
        let by_bar = |klines: &Vec<Kline>| klines.iter().map(|kline| (kline.bar_time(M15), *kline)).collect();
        let klines = past.iter().map(|(symbol, klines)| (*symbol, by_bar(klines))).collect();
        Self { klines, ..Self::default() }
    }

    /// Does what the effects say. Nothing may be journalled twice with the same bits, within a process or across a restart.
    fn take(&mut self, effects: &mut Vec<Effect>) {
        for effect in effects.drain(..) {
            match effect {
                Effect::Journal(JournalRecord::Prediction(prediction)) => {
                    let kept = self.predictions.entry((prediction.symbol, prediction.bar_time)).or_default();
                    assert!(kept.iter().all(|kept| kept.revision < prediction.revision));
                    assert!(kept.last().is_none_or(|last| !last.same_bits(&prediction)), "{prediction:?}");
                    kept.push(prediction);
                }
                Effect::Journal(JournalRecord::Resolution(resolution)) => {
                    let key = (resolution.symbol, resolution.bar_time, resolution.task);
                    let kept = self.resolutions.entry(key).or_default();
                    let before = kept.last().map_or(0, |last| last.revision);
                    assert_eq!(resolution.revision, before + 1, "{resolution:?}");
                    kept.push(resolution);
                }
                Effect::StoreKline { symbol, kline } => {
                    self.klines.entry(symbol).or_default().insert(kline.bar_time(M15), kline);
                }
                Effect::Alarm(alarm) => {
                    self.replays += usize::from(alarm.name() == "replayed");
                    if let Alarm::CaughtUp { amended, .. } = alarm {
                        self.caught_up += amended;
                    }
                    assert!(
                        matches!(alarm.name(), "replayed" | "sealed_incomplete" | "caught_up"),
                        "{alarm}"
                    );
                }
                Effect::Publish(_) | Effect::Fetch { .. } => {}
            }
        }
    }

    /// Stores the klines; the other effects wait, as records do in a queue.
    fn store(&mut self, effects: &mut Vec<Effect>) {
        let is_kline = |effect: &mut Effect| matches!(effect, Effect::StoreKline { .. });
        let mut klines: Vec<Effect> = effects.extract_if(.., is_kline).collect();
        self.take(&mut klines);
    }

    /// A new process on what is stored.
    fn start(&mut self, names: &[Symbol], bundle: &Arc<Bundle>) -> Forecaster {
        let mut forecaster = Forecaster::new(settings(names));
        let mut effects = Vec::new();
        let stored = self.klines.iter().map(|(symbol, klines)| (*symbol, klines.values().copied().collect()));
        let stored = stored.collect();
        if let Some(snapshot) = &self.snapshot {
            self.resumed += usize::from(forecaster.resume(snapshot, &stored).is_ok());
        }
        let predictions = self.predictions.values().flatten().map(Arc::clone).collect();
        let resolutions = self.resolutions.values().flatten().cloned().collect();
        forecaster.remember(Journalled { predictions, resolutions });
        forecaster.warm_up(&stored, &mut effects);
        forecaster.apply(Event::TakeUp { role: Role::Champion, bundle: Arc::clone(bundle) }, &mut effects);
        self.take(&mut effects);
        forecaster
    }
}

/// Takes klines away from the live part: holes of up to 24 bars, which are carried, and longer ones, which restart a symbol; the
/// last symbol begins late, the one before it ends early.
fn with_holes(coming: &mut Histories, names: &[Symbol], random: &mut Random) {
    for symbol in names {
        let klines = coming.get_mut(symbol).expect("there");
        for (least, most) in [(1, 1), (1, 24), (25, 40)] {
            let length = least + random.below(most - least + 1);
            let from = random.below(klines.len() - length - 1);
            klines.drain(from..from + length);
        }
    }
    let begins = random.below(80);
    coming.get_mut(&names[names.len() - 1]).expect("there").drain(..begins);
    let ends = 60 + random.below(40);
    coming.get_mut(&names[names.len() - 2]).expect("there").truncate(ends);
}

fn market(seed: u64, names: &[Symbol]) -> (Histories, Histories) {
    let whole = history(seed, names, WARM_BARS + LIVE_BARS);
    let part = |from: usize, to: usize| -> Histories {
        whole.iter().map(|(symbol, klines)| (*symbol, klines[from..to].to_vec())).collect()
    };
    let (mut past, mut coming) = (part(0, WARM_BARS), part(WARM_BARS, WARM_BARS + LIVE_BARS));
    past.insert(names[names.len() - 1], Vec::new());
    with_holes(&mut coming, names, &mut Random(seed ^ 0x77));
    (past, coming)
}

fn bar(place: usize) -> BarTime {
    BarTime::last_closed((FIRST_INDEX + place as i64 + 1) * M15.milliseconds(), M15)
}

/// Every kline once, bar by bar; what has not come when a bar has waited long enough never does.
fn clean(names: &[Symbol], past: &Histories, coming: &Histories, bundle: &Arc<Bundle>) -> Disk {
    let mut disk = Disk::with(past);
    let mut forecaster = disk.start(names, bundle);
    let mut effects = Vec::new();
    for place in WARM_BARS..WARM_BARS + LIVE_BARS {
        let of_bar =
            |klines: &Vec<Kline>| klines.iter().find(|kline| kline.bar_time(M15) == bar(place)).copied();
        let events = coming
            .iter()
            .filter_map(|(symbol, klines)| Some(closed(*symbol, of_bar(klines)?, Source::Store)))
            .chain([Event::Time(bar(place).milliseconds() + 60_000)]);
        // Together: a symbol that has just begun is not waited for.
        forecaster.apply_all(events, &mut effects);
        disk.take(&mut effects);
    }
    assert_eq!(disk.replays, 0);
    disk
}

/// Klines late, twice, wrong at first and in any order, with a process that is thrown away now and then.
fn wild(names: &[Symbol], past: &Histories, coming: &Histories, bundle: &Arc<Bundle>, seed: u64) -> Disk {
    let mut disk = Disk::with(past);
    let mut forecaster = disk.start(names, bundle);
    let mut random = Random(seed ^ 0xabcd);
    let (mut effects, mut end) = (Vec::new(), 0);
    let arrivals = arrivals(coming, seed);
    let chance = arrivals.len() / 5;
    for (arrival, event) in arrivals {
        end = arrival;
        forecaster.apply_all([Event::Time(arrival), event], &mut effects);
        disk.store(&mut effects);
        if random.below(chance) == 0 {
            disk.snapshot = forecaster.snapshot().filter(|_| random.below(4) > 0);
            // Killed: of what waited, the first part was written.
            effects.truncate(random.below(effects.len() + 1));
            disk.take(&mut effects);
            forecaster = disk.start(names, bundle);
            disk.restarts += 1;
        }
        if random.below(20) == 0 {
            disk.take(&mut effects);
        }
    }
    forecaster.apply(Event::Time(end + 100 * M15.milliseconds()), &mut effects);
    disk.take(&mut effects);
    disk
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn holes_and_restarts_end_in_the_bits_of_the_clean_run(seed in 1u64..1_000_000) {
        let names = symbols(4);
        let (past, coming) = market(seed, &names);
        let bundle = Arc::new(tiny_bundle(seed, &names, M15).build().expect("valid"));
        let clean = clean(&names, &past, &coming, &bundle);
        let wild = wild(&names, &past, &coming, &bundle, seed);
        prop_assert!(wild.replays > 10, "the schedule is wild: {}", wild.replays);
        prop_assert_eq!(wild.klines.values().flatten().count(), clean.klines.values().flatten().count());

        let keys = |disk: &Disk| disk.predictions.keys().copied().collect::<Vec<_>>();
        prop_assert_eq!(keys(&wild), keys(&clean));
        for (key, predictions) in &clean.predictions {
            let [only] = &predictions[..] else { panic!("one revision in a clean run") };
            let last = wild.predictions[key].last().expect("one at least");
            prop_assert!(only.same_bits(last), "{:?}, revision {}", key, last.revision);
        }
        let last = |resolutions: &Vec<Resolution>| {
            let last = resolutions.last().expect("one at least");
            [last.outcome, last.loss, last.baseline_loss].map(f64::to_bits)
        };
        prop_assert!(wild.resolutions.keys().all(|key| clean.resolutions.contains_key(key)));
        for (key, resolutions) in &clean.resolutions {
            match wild.resolutions.get(key) {
                Some(others) => prop_assert_eq!(last(others), last(resolutions), "{:?}", key),
                None => prop_assert!(false, "{:?} was not resolved", key),
            }
        }
        prop_assert!(wild.restarts < 8 || wild.resumed > 0, "snapshots are taken up");
        prop_assert!(wild.resolutions.len() > 500, "{} outcomes", wild.resolutions.len());
    }
}
