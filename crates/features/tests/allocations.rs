//! A warm engine allocates nothing: not to close a kline, to carry a gap, to seal a bar, to read a row or to peek.
//!
//! A program of its own, since the counting allocator is the whole program's. It counts the measuring thread alone.

use allocation_counter::measure;
use features::{Catalogue, FeatureEngine, HISTORY_BARS, MAX_CARRIED_BARS, PeekScratch};
use kline::{BarTime, Interval, Kline, KlineFields, Symbol};

const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

/// A bar of a market that swings, without any randomness.
fn kline(index: i64, symbol: usize) -> Kline {
    let price = |bar: i64| 100.0 + (bar as f64 * 0.37 + symbol as f64).sin() + (bar as f64 * 0.011).cos();
    let (open, close) = (price(index - 1), price(index));
    let volume = 10.0 + (index % 17) as f64;
    let fields = KlineFields {
        open,
        close,
        high: open.max(close) * 1.001,
        low: open.min(close) * 0.999,
        volume,
        trades: Some(100),
        taker_base: Some(volume * 0.4),
        quote_volume: None,
        taker_quote: None,
        ..KlineFields::flat(index * Interval::M15.milliseconds(), open)
    };
    Kline::new(Interval::M15, fields).expect("valid by construction")
}

fn step(engine: &mut FeatureEngine, index: i64, symbols: std::ops::Range<usize>) {
    for symbol in symbols {
        engine.close(symbol, &kline(index, symbol)).expect("bars go forward");
    }
    engine.seal(bar(index));
}

fn bar(index: i64) -> BarTime {
    BarTime::from_open(index * Interval::M15.milliseconds(), Interval::M15).expect("on the grid")
}

/// An engine whose rows are full, and the next bar's index.
fn warm() -> (FeatureEngine, i64) {
    let symbols: Vec<Symbol> = SYMBOLS.iter().map(|name| name.parse().expect("a symbol")).collect();
    let mut engine = FeatureEngine::new(&symbols, Interval::M15);
    let end = 100_000 + HISTORY_BARS as i64;
    (100_000..end).for_each(|index| step(&mut engine, index, 0..3));
    let row = engine.row(0).expect("sealed");
    assert_eq!(row.quality.warm_features, row.quality.total);
    (engine, end)
}

/// Panics if what it runs allocates.
fn assert_allocates_nothing(name: &str, run: impl FnOnce()) {
    let found = measure(run);
    assert_eq!((found.count_total, found.bytes_total), (0, 0), "{name} allocates");
}

#[test]
fn a_vector_is_seen_by_the_counter() {
    let found = measure(|| drop(std::hint::black_box(vec![1.0f64; 8])));
    assert_eq!((found.count_total, found.bytes_total), (1, 64));
}

/// What the engine holds on to, whatever it has allocated on the way.
#[test]
fn a_symbol_takes_at_most_256_kib() {
    assert!(!Catalogue::standard().is_empty());
    let mut engine = None;
    let held = measure(|| engine = Some(warm())).bytes_current;
    let per_symbol = held / SYMBOLS.len() as i64;
    assert!((64 * 1_024..=256 * 1_024).contains(&per_symbol), "{per_symbol} bytes");
    assert!(engine.is_some());
}

/// 700 bars pass both the anchors of every recursion and the end of a day.
#[test]
fn close_seal_and_row_allocate_nothing() {
    let (mut engine, next) = warm();
    assert_allocates_nothing("a bar", || {
        for index in next..next + 700 {
            step(&mut engine, index, 0..3);
            let row = engine.row(2).expect("sealed");
            assert!(row.values[0].is_finite());
        }
    });
}

#[test]
fn carried_gaps_and_restarts_allocate_nothing() {
    let (mut engine, next) = warm();
    let mut index = next;
    assert_allocates_nothing("a gap", || {
        for missing in [1, 2, MAX_CARRIED_BARS, 7, MAX_CARRIED_BARS] {
            // The others go on in between, so that the pair with Bitcoin catches up too.
            for only in index..index + missing {
                step(&mut engine, only, 0..1);
            }
            index += missing;
            step(&mut engine, index, 0..3);
            assert_eq!(engine.row(1).map(|row| i64::from(row.quality.carried_bars) >= missing), Some(true));
            index += 1;
        }
    });
    index += MAX_CARRIED_BARS + 1;
    assert_allocates_nothing("a restart", || {
        (index..index + 100).for_each(|index| step(&mut engine, index, 0..3));
    });
}

/// The first peek makes the scratch.
#[test]
fn peek_allocates_nothing() {
    let (engine, next) = warm();
    let mut scratch = PeekScratch::default();
    let mut out = vec![0.0; Catalogue::standard().len()];
    engine.peek(0, &kline(next, 0), &mut scratch, &mut out).expect("a later bar");
    assert_allocates_nothing("a peek", || {
        for ahead in [0, 1, 5, MAX_CARRIED_BARS, MAX_CARRIED_BARS + 1] {
            for symbol in 0..3 {
                let forming = kline(next + ahead, symbol);
                let quality = engine.peek(symbol, &forming, &mut scratch, &mut out).expect("a later bar");
                assert!(quality.total > 0 && out[0].is_finite() == (ahead <= MAX_CARRIED_BARS));
            }
        }
    });
}

#[test]
fn a_refused_kline_allocates_nothing() {
    let (mut engine, next) = warm();
    let late = kline(next - 1, 0);
    assert_allocates_nothing("a refusal", || {
        assert!(engine.close(0, &late).is_err() && engine.close(9, &late).is_err());
    });
}
