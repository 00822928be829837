//! The twelve common indicators, one bar at a time, beside other libraries.

mod ours;
mod peers;

use std::hint::black_box;

use anyhow::Result;
use kline::Kline;

use crate::clock::nanoseconds;
use crate::report::{Goal, Measure};

/// One bar, as every library takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bar {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: f64,
}

/// An indicator that has seen nothing, as a step from a bar to a value.
pub(crate) type Step = Box<dyn FnMut(&[Bar], &mut Vec<f64>)>;

/// One library's way to an indicator; makes a fresh state each time.
pub(crate) struct Contender {
    pub(crate) library: &'static str,
    pub(crate) indicator: &'static str,
    pub(crate) start: fn() -> Result<Step>,
}

/// The twelve.
const INDICATORS: [&str; 12] = [
    "SMA 20",
    "EMA 20",
    "RSI 14",
    "MACD",
    "BBANDS 20",
    "ATR 14",
    "ADX 14",
    "STOCH",
    "CCI 20",
    "MFI 14",
    "OBV",
    "WILLR 14",
];

/// The set of twelve of TA-Lib's streams on the machine of the goal, in nanoseconds.
pub(super) fn measures(klines: &[Kline]) -> Result<Vec<Measure>> {
    let bars: Vec<Bar> = klines
        .iter()
        .map(|kline| Bar {
            open: kline.open,
            high: kline.high,
            low: kline.low,
            close: kline.close,
            volume: kline.volume,
        })
        .collect();
    let contenders: Vec<Contender> = ours::CONTENDERS.into_iter().chain(peers::contenders()).collect();
    let mut measures = Vec::new();
    let (mut ours_sum, mut ta_lib_sum, mut best_sum) = (0.0, 0.0, 0.0);
    for indicator in INDICATORS {
        let rivals: Vec<&Contender> =
            contenders.iter().filter(|rival| rival.indicator == indicator).collect();
        let mut jobs: Vec<Box<dyn FnMut()>> = rivals
            .iter()
            .map(|rival| {
                let (start, bars) = (rival.start, bars.clone());
                Box::new(move || {
                    let mut out = Vec::with_capacity(bars.len());
                    if let Ok(mut step) = start() {
                        step(&bars, &mut out);
                    }
                    black_box(&out);
                }) as Box<dyn FnMut()>
            })
            .collect();
        let mut turns: Vec<&mut dyn FnMut()> =
            jobs.iter_mut().map(|job| &mut **job as &mut dyn FnMut()).collect();
        let found: Vec<f64> = nanoseconds(&mut turns).into_iter().map(|ns| ns / bars.len() as f64).collect();
        let (ours, theirs) = found.split_first().unwrap_or((&f64::NAN, &[]));
        ours_sum += ours;
        best_sum += theirs.iter().copied().fold(f64::INFINITY, f64::min);
        let mut reference = Vec::new();
        let mut own = Vec::new();
        for (rival, ns) in rivals[1..].iter().zip(theirs) {
            measures.push(Measure::plain(indicator, "ns", *ours).beside(rival.library, *ns));
            if rival.library == "ta-lib" {
                ta_lib_sum += ns;
                (rival.start)()?(&bars, &mut reference);
                (rivals[0].start)()?(&bars, &mut own);
            }
        }
        measures.push(Measure::plain(format!("{indicator} off TA-Lib"), "1e-15", distance(&own, &reference)));
    }
    let set = |ours| Measure::plain("the twelve", "ns", ours);
    measures.push(set(ours_sum).beside("ta-lib", ta_lib_sum).with_goal(Goal::AtMost(ta_lib_sum)));
    measures.push(set(ours_sum).beside("best of each", best_sum));
    Ok(measures)
}

/// The largest relative distance over the later half, in 1e-15.
fn distance(ours: &[f64], theirs: &[f64]) -> f64 {
    let half = ours.len() / 2;
    let pairs = ours.iter().zip(theirs).skip(half);
    pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1e-9)).fold(0.0, f64::max) * 1e15
}
