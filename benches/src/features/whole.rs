//! The whole catalogue.

use std::collections::BTreeMap;
use std::hint::black_box;

use anyhow::{Context as _, Result};
use features::{Catalogue, FeatureEngine, PeekScratch};
use forecast::for_each_row;
use kline::{Interval, Kline, Symbol};

use crate::callgrind::instructions;
use crate::clock::nanoseconds;
use crate::report::{Goal, Measure};

const STEP: Interval = Interval::M15;

/// Bars that are measured, after those that warm the engine up.
const BARS: usize = 2_000;

/// Bars whose instructions are counted: ten days, so that every block of a window ends as often as it does.
const COUNTED_BARS: usize = 960;

type Market = BTreeMap<Symbol, Vec<Kline>>;

pub(super) fn measures(market: &Market) -> Result<Vec<Measure>> {
    let width = Catalogue::standard().len();
    let symbols: Vec<Symbol> = market.keys().copied().collect();
    let warm_up = market.values().map(Vec::len).min().unwrap_or(0).saturating_sub(BARS + 1);
    let mut engine = FeatureEngine::new(&symbols, STEP);
    feed(&mut engine, market, 0..warm_up)?;
    let mut bars = || drop(black_box(feed(&mut engine.clone(), market, warm_up..warm_up + BARS)));
    let mut copy = || drop(black_box(engine.clone()));
    let bytes = engine.snapshot();
    let mut restore = || drop(black_box(FeatureEngine::restore(&bytes)));
    let forming = market.values().next().and_then(|klines| klines.get(warm_up)).context("a kline")?;
    let (mut scratch, mut row) = (PeekScratch::default(), vec![0.0; width]);
    let mut peek = || {
        for _ in 0..1_000 {
            drop(black_box(engine.peek(0, forming, &mut scratch, &mut row)));
        }
    };
    let rows = market.values().map(Vec::len).sum::<usize>();
    let mut batch = || {
        for_each_row(market, STEP, |row| {
            black_box(row.values[0]);
        });
    };
    let found = nanoseconds(&mut [&mut bars, &mut copy, &mut restore, &mut peek, &mut batch]);
    let [bars, copy, restore, peek, batch] = found[..] else { anyhow::bail!("five jobs were measured") };
    let bar = (bars - copy) / (BARS * symbols.len()) as f64;
    let per_symbol = bytes.len() as f64 / symbols.len() as f64 / 1_024.0;
    let (many, restore_many) = many_symbols(forming)?;
    let counted = instructions(|turns| vec!["features".to_owned(), "--turns".to_owned(), turns.to_string()]);
    let counted = counted.map_or(f64::NAN, |count| count / (COUNTED_BARS * symbols.len()) as f64);
    Ok(vec![
        Measure::plain("whole bar, one symbol", "ns", bar).with_goal(Goal::AtMost(2_500.0)),
        Measure::plain("whole bar, one symbol", "instructions", counted),
        Measure::plain("one feature", "ns", bar / width as f64).with_goal(Goal::AtMost(21.0)),
        Measure::plain("peek, one symbol", "ns", peek / 1_000.0),
        Measure::plain("copy of ten symbols", "us", copy / 1e3),
        Measure::plain("restore of ten symbols", "ms", restore / 1e6).with_goal(Goal::AtMost(50.0)),
        Measure::plain("snapshot of one symbol", "KiB", per_symbol).with_goal(Goal::AtMost(256.0)),
        Measure::plain("2,000 symbols, one bar", "ms", many).with_goal(Goal::AtMost(40.0)),
        Measure::plain("restore of 2,000 symbols", "ms", restore_many).with_goal(Goal::AtMost(5_000.0)),
        Measure::plain("batch with outcomes, one row", "ns", batch / rows as f64),
        // Pandas with TA-Lib: 71 columns in 3,378 ns, on another machine.
        Measure::plain("batch, values", "million/s", rows as f64 * width as f64 / batch * 1e3)
            .with_goal(Goal::AtLeast(42.0)),
    ])
}

/// The whole bar in units of TA-Lib's twelve, which machine and moment do not change: 2,500 and 200 ns where the goals were
/// set.
#[cfg(feature = "peers")]
pub(super) fn beside_ta_lib(ours: &[Measure], theirs: &[Measure]) -> Option<Measure> {
    let bar = ours.iter().find(|measure| measure.name == "whole bar, one symbol" && measure.unit == "ns")?;
    let set = theirs
        .iter()
        .find_map(|measure| measure.peer.filter(|peer| measure.name == "the twelve" && peer.0 == "ta-lib"))?;
    let times = bar.ours / set.1;
    Some(Measure::plain("whole bar in ta-lib's twelve", "times", times).with_goal(Goal::AtMost(12.5)))
}

/// The last bars so often: what callgrind counts. All else is the same whatever `turns` is.
pub(super) fn turns(market: &Market, turns: u32) -> Result<()> {
    let symbols: Vec<Symbol> = market.keys().copied().collect();
    let warm_up = market.values().map(Vec::len).min().unwrap_or(0).saturating_sub(COUNTED_BARS + 1);
    let mut engine = FeatureEngine::new(&symbols, STEP);
    feed(&mut engine, market, 0..warm_up)?;
    let mut copies: Vec<FeatureEngine> = (0..3).map(|_| engine.clone()).collect();
    for copy in copies.iter_mut().take(turns as usize) {
        feed(copy, market, warm_up..warm_up + COUNTED_BARS)?;
    }
    Ok(())
}

/// Closes and seals the bars of a range.
fn feed(engine: &mut FeatureEngine, market: &Market, range: std::ops::Range<usize>) -> Result<()> {
    let series: Vec<(usize, &[Kline])> = market
        .iter()
        .filter_map(|(symbol, klines)| Some((engine.index_of(*symbol)?, klines.as_slice())))
        .collect();
    for at in range {
        for (index, klines) in &series {
            engine.close(*index, &klines[at])?;
        }
        engine.seal(series[0].1[at].bar_time(STEP));
        black_box(engine.row(0));
    }
    Ok(())
}

/// The milliseconds that a bar of 2,000 symbols takes, whose state is out of the caches, and to restore them once their
/// short windows are full.
fn many_symbols(first: &Kline) -> Result<(f64, f64)> {
    const SYMBOLS: usize = 2_000;
    const BARS: i64 = 40;
    let names: Vec<Symbol> = (0..SYMBOLS).map(|at| format!("M{at}USDT").parse()).collect::<Result<_, _>>()?;
    let mut engine = FeatureEngine::new(&names, STEP);
    let bar = |back: i64| -> Result<Kline> {
        let fields = **first;
        let open_time = fields.open_time + back * STEP.milliseconds();
        Ok(Kline::new(
            STEP,
            kline::KlineFields { open_time, close_time: open_time + STEP.milliseconds() - 1, ..fields },
        )?)
    };
    let mut next = 0;
    let mut job = || {
        for _ in 0..BARS {
            let Ok(kline) = bar(next) else { return };
            next += 1;
            for index in 0..SYMBOLS {
                drop(black_box(engine.close(index, &kline)));
            }
            engine.seal(kline.bar_time(STEP));
        }
    };
    let bar = nanoseconds(&mut [&mut job])[0] / BARS as f64 / 1e6;
    let bytes = engine.snapshot();
    let mut restore = || drop(black_box(FeatureEngine::restore(&bytes)));
    Ok((bar, nanoseconds(&mut [&mut restore])[0] / 1e6))
}
