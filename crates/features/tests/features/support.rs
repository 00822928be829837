//! Random markets for the tests, from a seed.

use std::collections::BTreeMap;

use features::{Catalogue, FeatureEngine, Quality};
use kline::{BarTime, Interval, Kline, KlineFields, Symbol};

pub(crate) const STEP: i64 = 900_000;

/// SplitMix64, so that a failing case is its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Roughly normal.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..6).map(|_| self.unit()).sum::<f64>() * 2.0f64.sqrt() - 3.0 * 2.0f64.sqrt()
    }
}

/// What a random series is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) price: f64,
    pub(crate) volume: f64,
    /// Share of stretches in which nothing is traded and the price stands.
    pub(crate) quiet: f64,
    /// Share of bars that are not there.
    pub(crate) missing_bars: f64,
    /// Share of bars without the optional columns.
    pub(crate) missing_columns: f64,
    /// Share of bars with a volume a million times the usual.
    pub(crate) outliers: f64,
}

pub(crate) const PLAIN: Kind =
    Kind { price: 1.5, volume: 1e3, quiet: 0.0, missing_bars: 0.0, missing_columns: 0.0, outliers: 0.0 };

/// `bars` bars from a bar index on, some of them absent if the kind says so.
pub(crate) fn series(seed: u64, kind: Kind, first_index: i64, bars: i64) -> Vec<Kline> {
    let mut random = Random(seed);
    let (mut close, mut quiet_left, mut absent_left) = (kind.price, 0, 0);
    let mut klines = Vec::new();
    for index in first_index..first_index + bars {
        if quiet_left == 0 && random.chance(kind.quiet) {
            quiet_left = 5 + random.bits() % 60;
        }
        if absent_left == 0 && random.chance(kind.missing_bars) {
            absent_left = 1 + random.bits() % 26;
        }
        let mut fields = KlineFields::flat(index * STEP, close);
        if quiet_left > 0 {
            quiet_left -= 1;
        } else {
            fields = traded(&mut random, kind, fields);
        }
        if random.chance(kind.missing_columns) {
            fields = KlineFields {
                quote_volume: None,
                trades: None,
                taker_base: None,
                taker_quote: None,
                ..fields
            };
        }
        close = fields.close;
        if absent_left > 0 {
            absent_left -= 1;
            continue;
        }
        klines.push(Kline::new(Interval::M15, fields).expect("made to be valid"));
    }
    klines
}

fn traded(random: &mut Random, kind: Kind, flat: KlineFields) -> KlineFields {
    let open = flat.close * (1.0 + 0.0002 * random.normal());
    let close = open * (1.0 + 0.003 * random.normal());
    let high = open.max(close) * (1.0 + 0.002 * random.unit());
    let low = open.min(close) * (1.0 - 0.002 * random.unit());
    let volume = kind.volume * (0.05 + random.unit()) * if random.chance(kind.outliers) { 1e6 } else { 1.0 };
    KlineFields {
        open,
        high,
        low,
        close,
        volume,
        quote_volume: Some(volume * close),
        trades: Some(random.bits() % 5_000),
        taker_base: Some(volume * random.unit()),
        taker_quote: None,
        ..flat
    }
}

pub(crate) fn symbols(count: usize) -> Vec<Symbol> {
    ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"][..count]
        .iter()
        .map(|name| name.parse().expect("a symbol"))
        .collect()
}

/// Row bits by symbol index and bar index.
pub(crate) type Rows = BTreeMap<(usize, i64), (Vec<u64>, Quality)>;

pub(crate) fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The klines of all symbols, bar by bar.
pub(crate) fn by_bar(all: &[Vec<Kline>]) -> BTreeMap<i64, Vec<(usize, Kline)>> {
    let mut bars: BTreeMap<i64, Vec<(usize, Kline)>> = BTreeMap::new();
    for (index, klines) in all.iter().enumerate() {
        for kline in klines {
            bars.entry(kline.open_time / STEP).or_default().push((index, *kline));
        }
    }
    bars
}

/// Closes and seals one bar.
pub(crate) fn step(engine: &mut FeatureEngine, bar: i64, klines: &[(usize, Kline)]) {
    for (index, kline) in klines {
        engine.close(*index, kline).expect("bars go forward");
    }
    engine.seal(BarTime::from_open(bar * STEP, Interval::M15).expect("on the grid"));
}

/// Collects the rows of the sealed bar.
pub(crate) fn collect(engine: &FeatureEngine, bar: i64, rows: &mut Rows) {
    for index in 0..engine.symbols().len() {
        if let Some(row) = engine.row(index) {
            assert_eq!(row.bar.index(Interval::M15), bar);
            rows.insert((index, bar), (bits(row.values), row.quality));
        }
    }
}

/// Every row of a run over all klines from bar `from` on.
pub(crate) fn run(all: &[Vec<Kline>], from: i64) -> Rows {
    let mut engine = FeatureEngine::new(&symbols(all.len()), Interval::M15);
    let mut rows = Rows::new();
    for (bar, klines) in by_bar(all).range(from..) {
        step(&mut engine, *bar, klines);
        collect(&engine, *bar, &mut rows);
    }
    rows
}

/// Panics with the names of the features that differ.
pub(crate) fn assert_same(name: &str, left: &(Vec<u64>, Quality), right: &(Vec<u64>, Quality)) {
    let names: Vec<String> = Catalogue::standard()
        .names()
        .zip(left.0.iter().zip(&right.0))
        .filter(|(_, (left, right))| left != right)
        .map(|(name, (left, right))| format!("{name}: {} {}", f64::from_bits(*left), f64::from_bits(*right)))
        .collect();
    assert!(names.is_empty(), "{name}: {names:?}");
    assert_eq!(left.1, right.1, "{name}");
}
