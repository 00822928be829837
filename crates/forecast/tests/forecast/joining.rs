//! A symbol whose klines begin in the middle of the window that its answers are renewed from.

use std::collections::BTreeMap;
use std::sync::Arc;

use forecast::testkit::tiny_bundle;
use forecast::{
    Bundle, Event, Forecaster, Prediction, RENEWAL_BLOCK_BARS, RENEWAL_LAG_BLOCKS, RENEWAL_WINDOW_BLOCKS,
    Renewed, Role, Source, SymbolBands, SymbolRenewal, Task, for_each_row, has_bands, renew, renewal_block,
};
use kline::{Kline, Symbol};

use crate::live_is_batch::{closed, settings};
use crate::market::{M15, history, symbols};

const BARS: usize = 6_000;
/// So many of its own bars have to have come true before its bands are renewed.
const NEEDED: usize = 960;
/// Where the third symbol begins: with the block so many before the last one.
const JOINED_BEFORE: i64 = 36;

type Histories = BTreeMap<Symbol, Vec<Kline>>;

fn block_of(kline: &Kline) -> i64 {
    renewal_block(kline.bar_time(M15), M15)
}

/// The klines of the blocks before one.
fn before(history: &Histories, block: i64) -> Histories {
    let cut =
        |klines: &Vec<Kline>| klines[..klines.partition_point(|kline| block_of(kline) < block)].to_vec();
    history.iter().map(|(symbol, klines)| (*symbol, cut(klines))).collect()
}

struct Scene {
    names: Vec<Symbol>,
    history: Histories,
    bundle: Arc<Bundle>,
    newcomer: Symbol,
    last: i64,
}

/// Two symbols from the beginning and one that joins late.
fn scene() -> Scene {
    let names = symbols(3);
    let mut history = history(9, &names, BARS);
    let last = history.values().filter_map(|klines| klines.last()).map(block_of).max().expect("klines");
    let newcomer = names[2];
    history
        .entry(newcomer)
        .and_modify(|klines| klines.retain(|kline| block_of(kline) >= last - JOINED_BEFORE));
    let bundle = Arc::new(tiny_bundle(5, &names, M15).build().expect("a bundle"));
    Scene { names, history, bundle, newcomer, last }
}

/// The first block for which a task's bands of the newcomer are renewed.
fn first_renewed(scene: &Scene, task: Task) -> i64 {
    let blocks = scene.last - JOINED_BEFORE..=scene.last;
    let renewed = renew(&scene.bundle, &scene.history, blocks.clone());
    let mut own = blocks.filter(|block| renewed.of(scene.newcomer, *block).bands.of(task).is_some());
    own.next().unwrap_or_else(|| panic!("{task}: enough has come true in the end"))
}

/// How many outcomes of a task the newcomer has in the window of a block, after rows whose answer has a scale.
fn came_true(scene: &Scene, task: Task, block: i64) -> usize {
    let last = block - RENEWAL_LAG_BLOCKS;
    let (window, mut count) = (last - RENEWAL_WINDOW_BLOCKS + 1..=last, 0);
    for_each_row(&scene.history, M15, |row| {
        let scaled = task == Task::Volatility4Step || row.inputs.context.sigma > 0.0;
        let counts = row.symbol == scene.newcomer && window.contains(&renewal_block(row.bar, M15)) && scaled;
        count += usize::from(counts && !row.outcomes[task.index()].is_nan());
    });
    count
}

#[test]
fn it_is_answered_as_the_bundle_ships_until_enough_of_its_own_came_true() {
    let scene = scene();
    let joined = scene.last - JOINED_BEFORE;
    let renewed = renew(&scene.bundle, &scene.history, joined..=scene.last);
    let mut without = scene.history.clone();
    without.remove(&scene.newcomer);
    let alone = renew(&scene.bundle, &without, joined..=scene.last);
    let mut firsts = Vec::new();
    for task in Task::ALL.into_iter().filter(|task| has_bands(*task)) {
        let first = first_renewed(&scene, task);
        assert!(
            came_true(&scene, task, first) >= NEEDED && came_true(&scene, task, first - 1) < NEEDED,
            "{task}"
        );
        assert!(
            first < scene.last && first - RENEWAL_LAG_BLOCKS - joined < RENEWAL_WINDOW_BLOCKS,
            "in the middle of the window"
        );
        for block in joined..=scene.last {
            let own = renewed.of(scene.newcomer, block).bands.of(task).is_some();
            assert_eq!(own, block >= first, "{task} at {block}");
        }
        firsts.push(first);
    }
    let first = *firsts.iter().min().expect("tasks");
    for block in joined..=scene.last {
        let [own, other] = [scene.newcomer, scene.names[0]].map(|name| renewed.of(name, block));
        // All are believed alike, this one from when it has bands of its own.
        assert_eq!(own.confidence.is_full(), block < first, "{block}");
        assert!(block < first || own.confidence == other.confidence, "{block}");
        assert!(block >= first || own == SymbolRenewal::default(), "{block}");
        assert_eq!(other.bands, alone.of(scene.names[0], block).bands, "bands are each one's own");
    }
    // Who asks for one block is told what is told of many, and whatever comes later changes nothing.
    for block in firsts.into_iter().flat_map(|first| [first - 1, first]) {
        let known = before(&scene.history, block - RENEWAL_LAG_BLOCKS + 2);
        let one = renew(&scene.bundle, &known, block..=block);
        for name in &scene.names {
            assert_eq!(one.of(*name, block), renewed.of(*name, block), "{name} at {block}");
        }
    }
}

fn started(scene: &Scene, past: &Histories, renewed: Renewed) -> Forecaster {
    let mut forecaster = Forecaster::new(settings(&scene.names));
    let mut effects = Vec::new();
    forecaster.warm_up(past, &mut effects);
    let bundle = Arc::clone(&scene.bundle);
    forecaster.apply(Event::Renew { bundle: bundle.digest(), renewed }, &mut effects);
    forecaster.apply(Event::TakeUp { role: Role::Champion, bundle }, &mut effects);
    forecaster
}

/// Live, with each block renewed before it begins from what is known then, over the first block that the newcomer's returns are renewed for.
#[test]
fn live_is_batch_over_the_block_from_which_its_returns_are_renewed() {
    let scene = scene();
    let first = first_renewed(&scene, Task::Return4Step);
    let blocks = first - 1..=first;
    let of_block = |block: i64| renew(&scene.bundle, &before(&scene.history, block), block..=block);
    let mut live = started(&scene, &before(&scene.history, *blocks.start()), of_block(first - 1));
    let all = renew(&scene.bundle, &scene.history, blocks.clone());
    let mut effects = Vec::new();
    for block in blocks {
        if block == first {
            let renewed = of_block(block);
            live.apply(Event::Renew { bundle: scene.bundle.digest(), renewed }, &mut effects);
        }
        for bar in 0..RENEWAL_BLOCK_BARS {
            for name in &scene.names {
                let klines = &scene.history[name];
                let start = klines.partition_point(|kline| block_of(kline) < block);
                live.apply(closed(*name, klines[start + bar as usize], Source::Socket), &mut effects);
            }
            if ![0, 41, RENEWAL_BLOCK_BARS - 1].contains(&bar) {
                continue;
            }
            let until = scene.history[&scene.newcomer].partition_point(|kline| block_of(kline) < block)
                + bar as usize;
            let now = scene.history[&scene.newcomer][until].bar_time(M15);
            let cut = |klines: &Vec<Kline>| {
                klines.iter().filter(|kline| kline.bar_time(M15) <= now).copied().collect()
            };
            let known: Histories = scene.history.iter().map(|(name, klines)| (*name, cut(klines))).collect();
            let batch = started(&scene, &known, all.clone());
            for name in &scene.names {
                let [found, expected] =
                    [&live, &batch].map(|forecaster| forecaster.latest(*name).expect("an answer"));
                assert_eq!(found.bar_time, now);
                assert!(found.same_bits(expected), "{name} at bar {bar} of block {block}");
            }
            let own = all.of(scene.newcomer, block).bands;
            is_banded_by(&scene, live.latest(scene.newcomer).expect("an answer"), own);
        }
    }
}

/// By its own bands where it has some, else by the bundle's.
fn is_banded_by(scene: &Scene, prediction: &Prediction, own: SymbolBands) {
    let shipped = scene.bundle.bands().of(scene.newcomer);
    let of = |task: Task| prediction.task(task).expect("every task");
    let volatility = of(Task::Volatility4Step).ensemble.value().expect("a volatility");
    for task in Task::ALL.into_iter().filter(|task| has_bands(*task)) {
        let [by_own, as_shipped] =
            [own.or(shipped), shipped].map(|bands| bands.around(task, &of(task).ensemble, volatility));
        assert_eq!(of(task).bands, by_own, "{task}");
        assert_eq!(by_own != as_shipped, own.of(task).is_some(), "{task}");
    }
}
