//! A seeded market for tests.

use std::collections::BTreeMap;

use forecast::testkit::Random;
use kline::{Interval, Kline, KlineFields, Symbol};

pub(crate) const M15: Interval = Interval::M15;

/// The first bar: on a block of the feature engine, so that recursive features warm as early as they can.
pub(crate) const FIRST_INDEX: i64 = 512 * 3_000;

pub(crate) fn symbols(count: usize) -> Vec<Symbol> {
    ["ADAUSDT", "BTCUSDT", "ETHUSDT", "XRPUSDT"][..count]
        .iter()
        .map(|name| name.parse().expect("a symbol"))
        .collect()
}

/// One kline of a bar around a price.
pub(crate) fn kline(index: i64, open: f64, close: f64, random: &mut Random) -> Kline {
    let open_time = index * M15.milliseconds();
    let high = open.max(close) * (1.0 + random.between(0.0, 0.001));
    let low = open.min(close) * (1.0 - random.between(0.0, 0.001));
    let volume = random.between(1.0, 1_000.0);
    let share = random.between(0.2, 0.8);
    let fields = KlineFields {
        open,
        high,
        low,
        close,
        volume,
        quote_volume: Some(volume * close),
        trades: Some(random.below(5_000) as u64 + 1),
        taker_base: Some(volume * share),
        taker_quote: Some(volume * close * share),
        ..KlineFields::flat(open_time, open)
    };
    Kline::new(M15, fields).expect("valid by construction")
}

/// `bars` klines of each symbol.
pub(crate) fn history(seed: u64, symbols: &[Symbol], bars: usize) -> BTreeMap<Symbol, Vec<Kline>> {
    let mut random = Random(seed);
    let mut series: BTreeMap<Symbol, Vec<Kline>> = symbols.iter().map(|s| (*s, Vec::new())).collect();
    let mut prices = vec![100.0; symbols.len()];
    for bar in 0..bars as i64 {
        let market = random.between(-0.003, 0.003);
        for (price, symbol) in prices.iter_mut().zip(symbols) {
            let open = *price;
            *price *= 1.0 + market + random.between(-0.002, 0.002);
            let kline = kline(FIRST_INDEX + bar, open, *price, &mut random);
            series.entry(*symbol).or_default().push(kline);
        }
    }
    series
}
