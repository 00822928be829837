//! Bands, and how far probabilities are believed, are a function of final klines and the bundle, whoever makes them and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::testkit::tiny_bundle;
use forecast::{
    Bundle, Effect, Event, Forecaster, Prediction, RENEWAL_BLOCK_BARS, RENEWAL_LAG_BLOCKS,
    RENEWAL_WINDOW_BLOCKS, Renewed, Role, Source, Task, TaskKind, has_bands, renew, renewal_block,
};
use kline::{Kline, Symbol};

use crate::live_is_batch::{closed, settings};
use crate::market::{FIRST_INDEX, M15, history, symbols};

/// The window, the lag, and enough before them for the features that the boosters look at.
const BARS: usize = 6_000;

type Histories = BTreeMap<Symbol, Vec<Kline>>;

fn scene() -> (Vec<Symbol>, Histories, Arc<Bundle>) {
    let names = symbols(2);
    let bundle = tiny_bundle(5, &names, M15).build().expect("a bundle");
    (names.clone(), history(5, &names, BARS), Arc::new(bundle))
}

fn last_block(history: &Histories) -> i64 {
    let last = history.values().filter_map(|klines| klines.last()).map(|kline| kline.bar_time(M15)).max();
    renewal_block(last.expect("klines"), M15)
}

fn cut(history: &Histories, bars: std::ops::Range<usize>) -> Histories {
    history.iter().map(|(symbol, klines)| (*symbol, klines[bars.clone()].to_vec())).collect()
}

#[test]
fn a_block_s_bands_depend_on_its_window_alone() {
    let (names, history, bundle) = scene();
    let block = last_block(&history);
    let found = renew(&bundle, &history, block..=block);
    for task in Task::ALL.into_iter().filter(|task| has_bands(*task)) {
        let own = found.of(names[0], block).bands;
        assert!(own.of(task).is_some_and(forecast::BandQuantiles::is_sound), "{task}");
        assert_ne!(own.of(task), bundle.bands().of(names[0]).of(task), "{task} was renewed");
    }
    assert!(
        found
            .of(names[0], block)
            .confidence
            .of(Task::Direction4Step)
            .is_some_and(|belief| belief.factor != 1.0 && belief.shift != 0.0)
    );
    // What came after the window and its outcomes is not looked at: about seven days before the block are taken away.
    let last =
        (block - RENEWAL_LAG_BLOCKS + 1) * RENEWAL_BLOCK_BARS - 1 + i64::from(Task::LONGEST_HORIZON_STEPS);
    let needed = usize::try_from(last - FIRST_INDEX + 1).expect("positive");
    assert!(needed + 600 < BARS);
    let shorter = cut(&history, 0..needed);
    assert_eq!(renew(&bundle, &shorter, block..=block), found);
    assert_ne!(renew(&bundle, &cut(&history, 0..needed - 96), block..=block), found, "and not a day less");
    // Many blocks at once are the blocks one by one.
    let both = renew(&bundle, &history, block - 1..=block);
    assert_eq!(both.blocks(), Some(block - 1..=block));
    for name in names {
        assert_eq!(both.of(name, block), found.of(name, block));
    }
}

#[test]
fn renewed_bands_come_back_from_json_to_the_bit() {
    let (_, history, bundle) = scene();
    let block = last_block(&history);
    let found = renew(&bundle, &history, block - 1..=block);
    let text = serde_json::to_string(&found).expect("JSON");
    let back: Renewed = serde_json::from_str(&text).expect("as it was written");
    // Ends are finite, so that the same numbers are the same bits but for the sign of zero, which JSON keeps.
    assert!(back.is_sound() && back == found);
    assert_eq!(serde_json::to_string(&back).expect("JSON"), text);
    let twisted = r#"{"5": {"BTCUSDT": {"return_1step": [[1.0, -1.0], [-2.0, 2.0]]}}}"#;
    assert!(!serde_json::from_str::<Renewed>(twisted).expect("well-formed").is_sound());
}

#[test]
fn bars_that_the_bundle_has_learned_from_do_not_come_in() {
    let (names, history, _) = scene();
    let block = last_block(&history);
    let mut builder = tiny_bundle(5, &names, M15);
    let last = history[&names[0]].last().expect("klines").bar_time(M15);
    builder.training.tune_until = last.plus(-20 * RENEWAL_BLOCK_BARS, M15);
    let young = builder.build().expect("a bundle");
    let found = renew(&young, &history, block..=block);
    let learned_until = renewal_block(builder.training.tune_until, M15);
    assert!(learned_until < block - RENEWAL_LAG_BLOCKS && learned_until > block - RENEWAL_WINDOW_BLOCKS);
    assert!(found.has(block));
    // 12 days are known of 30, more than a third of them.
    let renewal = found.of(names[0], block);
    assert!(renewal.bands.of(Task::Return4Step).is_some() && !renewal.confidence.is_full());
    builder.training.tune_until = last.plus(-12 * RENEWAL_BLOCK_BARS, M15);
    let younger = builder.build().expect("a bundle");
    let found = renew(&younger, &history, block..=block);
    assert_eq!(found.of(names[0], block), forecast::SymbolRenewal::default(), "all or nothing");
}

/// The last prediction about each symbol.
fn answers(forecaster: &Forecaster, names: &[Symbol]) -> Vec<Arc<Prediction>> {
    names.iter().map(|name| forecaster.latest(*name).cloned().expect("an answer")).collect()
}

fn started(names: &[Symbol], past: &Histories, bundle: &Arc<Bundle>, bands: Option<Renewed>) -> Forecaster {
    let mut forecaster = Forecaster::new(settings(names));
    let mut effects = Vec::new();
    forecaster.warm_up(past, &mut effects);
    if let Some(bands) = bands {
        forecaster.apply(Event::Renew { bundle: bundle.digest(), renewed: bands }, &mut effects);
    }
    forecaster.apply(Event::TakeUp { role: Role::Champion, bundle: Arc::clone(bundle) }, &mut effects);
    forecaster
}

#[test]
fn answers_have_the_bands_of_their_block_and_without_them_those_of_the_bundle() {
    let (names, history, bundle) = scene();
    let block = last_block(&history);
    let shipped = answers(&started(&names, &history, &bundle, None), &names);
    let bands = renew(&bundle, &history, block..=block);
    let renewed = answers(&started(&names, &history, &bundle, Some(bands.clone())), &names);
    for (shipped, renewed) in shipped.iter().zip(&renewed) {
        for task in Task::ALL {
            let of = |prediction: &Prediction| prediction.task(task).expect("every task").bands.clone();
            assert_eq!(of(shipped).is_empty(), !has_bands(task));
            let volatility = renewed.task(Task::Volatility4Step).and_then(|found| found.ensemble.value());
            let answer = &renewed.task(task).expect("every task").ensemble;
            let renewal = bands.of(renewed.symbol, block);
            assert_eq!(of(renewed), renewal.bands.around(task, answer, volatility.expect("a volatility")));
            let as_shipped = &shipped.task(task).expect("every task").ensemble;
            assert!(answer.same_bits(&renewal.confidence.apply(task, as_shipped.clone())), "{task}");
            assert_ne!(answer == as_shipped, task.kind() != TaskKind::Regression, "{task}: {answer:?}");
            assert!(!has_bands(task) || of(shipped) != of(renewed), "{task}");
        }
        assert_eq!(shipped.row_hash, renewed.row_hash);
    }
    // A block that was not renewed, the day before, changes nothing.
    let other = renew(&bundle, &history, block - 1..=block - 1);
    let unchanged = answers(&started(&names, &history, &bundle, Some(other)), &names);
    assert!(unchanged.iter().zip(&shipped).all(|(a, b)| a.same_bits(b)));
}

#[test]
fn what_was_served_by_a_block_stays_and_a_correction_is_answered_with_the_same_bands() {
    let (names, history, bundle) = scene();
    let past = cut(&history, 0..BARS - 4);
    let block = last_block(&history);
    let bands = renew(&bundle, &past, block..=block);
    let mut forecaster = started(&names, &past, &bundle, Some(bands.clone()));
    let mut effects = Vec::new();
    // Other bands of a block that is known already are not taken.
    let strange = renew(&tiny_bundle(6, &names, M15).build().expect("a bundle"), &past, block..=block);
    assert_ne!(strange, bands);
    forecaster.apply(Event::Renew { bundle: bundle.digest(), renewed: strange }, &mut effects);
    for back in (1..=4).rev() {
        for name in &names {
            let kline = history[name][BARS - back];
            let late = *name == names[1] && back == 3;
            if !late {
                forecaster.apply(closed(*name, kline, Source::Socket), &mut effects);
            }
        }
    }
    let missing = history[&names[1]][BARS - 3];
    forecaster.apply(closed(names[1], missing, Source::Rest), &mut effects);
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Alarm(alarm) if alarm.name() == "replayed"))
    );
    let clean = answers(&started(&names, &history, &bundle, Some(bands)), &names);
    let live = answers(&forecaster, &names);
    assert!(live.iter().zip(&clean).all(|(a, b)| a.same_bits(b)));
}
