//! A slow, obvious twin of every feature, written from its definition and not from the code.

mod aligned;
mod cross;
mod distribution;
mod own;
mod recursive;

use features::Catalogue;
use kline::{Interval, Kline, KlineFields};
use proptest::prelude::*;

use crate::support::{Kind, PLAIN, run, series};

/// One symbol's bars up to now, short gaps filled in.
pub(crate) struct Past {
    pub(crate) bars: Vec<KlineFields>,
    /// The bar index of the first one.
    pub(crate) first: i64,
}

impl Past {
    fn new(klines: &[Kline]) -> Self {
        let mut bars: Vec<KlineFields> = Vec::new();
        for kline in klines {
            while let Some(last) = bars.last().filter(|last| last.close_time + 1 < kline.open_time) {
                bars.push(KlineFields::flat(last.close_time + 1, last.close));
            }
            bars.push(**kline);
        }
        let first = bars[0].open_time / Interval::M15.milliseconds();
        Self { bars, first }
    }

    fn until(&self, index: i64) -> Self {
        let count = (index - self.first + 1) as usize;
        Self { bars: self.bars[..count].to_vec(), first: self.first }
    }

    /// The last `count` values of a column, oldest first; empty if there are fewer.
    pub(crate) fn last(&self, count: usize, value: impl Fn(&KlineFields) -> f64) -> Vec<f64> {
        match self.bars.len().checked_sub(count) {
            Some(from) => self.bars[from..].iter().map(value).collect(),
            None => vec![f64::NAN; count],
        }
    }

    /// The last `count` log returns, oldest first.
    pub(crate) fn returns(&self, count: usize) -> Vec<f64> {
        let closes = self.last(count + 1, |bar| bar.close);
        closes.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
    }

    pub(crate) fn log_return(&self, bars: usize) -> f64 {
        let closes = self.last(bars + 1, |bar| bar.close);
        (closes[bars] / closes[0]).ln()
    }
}

pub(crate) fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

pub(crate) fn deviation(values: &[f64]) -> f64 {
    covariance(values, values).sqrt()
}

pub(crate) fn covariance(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / x.len() as f64
}

pub(crate) fn correlation(x: &[f64], y: &[f64]) -> f64 {
    over(covariance(x, y), deviation(x) * deviation(y))
}

/// The quotient; nothing over nothing is nothing.
pub(crate) fn over(part: f64, whole: f64) -> f64 {
    if whole == 0.0 && !part.is_nan() { 0.0 } else { part / whole }
}

pub(crate) fn realised(past: &Past, count: usize) -> f64 {
    mean(&past.returns(count).iter().map(|r| r * r).collect::<Vec<_>>()).sqrt()
}

/// Splits `stem_16` into stem and number.
pub(crate) fn numbered(name: &str) -> (&str, usize) {
    name.rsplit_once('_').and_then(|(stem, number)| Some((stem, number.parse().ok()?))).unwrap_or((name, 0))
}

fn check(all: &[Vec<Kline>], first: i64, at: &[i64]) {
    let rows = run(all, first);
    let pasts: Vec<Past> = all.iter().map(|klines| Past::new(klines)).collect();
    for ((symbol, index), (values, _)) in rows.iter().filter(|((_, index), _)| at.contains(index)) {
        // Only symbols whose kline of the bar is there count.
        let here: Vec<Option<Past>> = (0..all.len())
            .map(|other| rows.contains_key(&(other, *index)).then(|| pasts[other].until(*index)))
            .collect();
        let past = here[*symbol].as_ref().expect("its own row");
        for (definition, bits) in Catalogue::standard().definitions().iter().zip(values) {
            let name = definition.name;
            let twin = own::twin(name, past)
                .or_else(|| recursive::twin(name, past))
                .or_else(|| aligned::twin(name, past))
                .or_else(|| distribution::twin(name, past))
                .or_else(|| cross::twin(name, past, &here))
                .unwrap_or_else(|| panic!("{name} has no twin"));
            let (ours, twin) = (f64::from_bits(*bits), if twin.is_finite() { twin } else { f64::NAN });
            let same = ours.is_nan() && twin.is_nan()
                || (ours - twin).abs() <= 1e-9 * twin.abs() + floor(name, past);
            assert!(same, "{name} of symbol {symbol} at {index}: {ours:e}, its twin {twin:e}");
        }
    }
}

/// What rounding may leave where the true value is 0, in the feature's own unit.
fn floor(name: &str, past: &Past) -> f64 {
    match Catalogue::standard().definitions().iter().find(|definition| definition.name == name) {
        _ if past.bars.is_empty() => 0.0,
        Some(definition) if definition.unit == features::Unit::Percent => 1e-9,
        Some(_) if name == "cci_20" => {
            1e-8 + of_quiet(&past.last(20, |bar| (bar.high + bar.low + bar.close) / 3.0))
        }
        Some(_) if name == "bollinger_position_20" => 1e-11 + of_quiet(&past.last(20, |bar| bar.close)),
        Some(_) if name == "keltner_position_20" => {
            let width = recursive::twin("keltner_width_20", past).unwrap_or(f64::NAN);
            1e-11 + if width > 0.0 { 1e-14 / width } else { 0.0 }
        }
        Some(definition) if definition.unit == features::Unit::LogReturn => 1e-14,
        _ => 1e-11,
    }
}

/// In long quiet a price's distance from its average, and the band that it is measured in, come near to the rounding of
/// the price.
fn of_quiet(prices: &[f64]) -> f64 {
    let spread = deviation(prices) / mean(prices);
    if spread > 0.0 { 1e-14 / spread } else { 0.0 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_feature_agrees_with_its_twin(
        seed in any::<u64>(), first in 100_000i64..101_000, bars in 2_950i64..3_300,
        price in prop::sample::select(vec![1e-6, 0.3, 6e4, 1e9]),
        volume in prop::sample::select(vec![1e-6, 1e3, 1e12]),
        quiet in prop::sample::select(vec![0.0, 0.02]),
        missing_bars in prop::sample::select(vec![0.0, 0.003]),
        outliers in prop::sample::select(vec![0.0, 0.01]),
    ) {
        let kind = Kind { price, volume, quiet, missing_bars, missing_columns: 0.001, outliers };
        let all: Vec<Vec<Kline>> = (0..3)
            .map(|symbol| series(seed.wrapping_add(symbol), kind, first, bars))
            .map(without_long_holes)
            .collect();
        let at: Vec<i64> = [3, 20, 110, 700, bars - 140, bars - 40, bars - 1].map(|back| first + back).to_vec();
        check(&all, first, &at);
    }
}

/// Drops what lies before a hole that restarts a symbol, since a twin knows no restart.
fn without_long_holes(klines: Vec<Kline>) -> Vec<Kline> {
    let hole = klines.windows(2).rposition(|pair| pair[1].open_time - pair[0].close_time > 24 * 900_000 + 1);
    klines[hole.map_or(0, |hole| hole + 1)..].to_vec()
}

#[test]
fn flat_and_empty_markets_have_their_stated_values() {
    let flat: Vec<Vec<Kline>> =
        (0..2).map(|_| series(1, Kind { quiet: 1.0, ..PLAIN }, 50_000, 3_200)).collect();
    check(&flat, 50_000, &[50_010, 50_700, 53_196, 53_199]);
}
