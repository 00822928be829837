//! What a bar costs: `cargo run -p features --example cost_of_a_bar`. Ten symbols, all columns, one thread.

use std::hint::black_box;
use std::time::Instant;

use features::{Catalogue, FeatureEngine, PeekScratch};
use kline::{BarTime, Interval, Kline, KlineFields, Symbol};

const WARM_UP: i64 = 2_000;
const BARS: i64 = 6_000;

fn kline(index: i64, symbol: usize) -> Option<Kline> {
    let wave = |speed: f64| libm::sin((index as f64 + 31.0 * symbol as f64) * speed);
    let price = |at: f64| 100.0 * (1.0 + 0.02 * at);
    let (open, close) = (price(wave(0.013) + 0.05 * wave(0.9)), price(wave(0.0131) + 0.05 * wave(0.97)));
    let fields = KlineFields {
        open,
        close,
        high: open.max(close) * 1.001,
        low: open.min(close) * 0.999,
        volume: 50.0 + 40.0 * wave(0.3),
        trades: Some(120),
        taker_base: Some(5.0),
        ..KlineFields::flat(index * 900_000, 1.0)
    };
    Kline::new(Interval::M15, fields).ok()
}

fn report(what: &str, nanoseconds: u128, count: i64) {
    let each = nanoseconds as f64 / count as f64;
    println!("{what:<38}{each:>10.0} ns, {:.1} ns a feature", each / Catalogue::standard().len() as f64);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names = ["ADA", "AVAX", "BNB", "BTC", "DOT", "ETH", "LINK", "POL", "SOL", "XRP"];
    let symbols: Vec<Symbol> =
        names.iter().map(|name| format!("{name}USDT").parse()).collect::<Result<_, _>>()?;
    let mut engine = FeatureEngine::new(&symbols, Interval::M15);
    let (mut close, mut seal) = (0, 0);
    for index in 0..WARM_UP + BARS {
        let klines: Vec<Kline> = (0..symbols.len()).filter_map(|symbol| kline(index, symbol)).collect();
        let start = Instant::now();
        for (symbol, kline) in klines.iter().enumerate() {
            engine.close(symbol, kline)?;
        }
        let closed = Instant::now();
        if let Some(bar) = BarTime::from_open(index * 900_000, Interval::M15) {
            engine.seal(bar);
        }
        black_box(engine.row(0));
        if index >= WARM_UP {
            close += closed.duration_since(start).as_nanos();
            seal += closed.elapsed().as_nanos();
        }
    }
    let rows = BARS * symbols.len() as i64;
    println!("{} features, {} symbols, {BARS} bars", Catalogue::standard().len(), symbols.len());
    report("close, one symbol", close, rows);
    report("seal, share of one symbol", seal, rows);
    report("a symbol's bar", close + seal, rows);
    peek_and_save(&engine)?;
    Ok(())
}

fn peek_and_save(engine: &FeatureEngine) -> Result<(), Box<dyn std::error::Error>> {
    let forming = kline(WARM_UP + BARS, 0).ok_or("a valid kline")?;
    let (mut scratch, mut out) = (PeekScratch::default(), vec![0.0; Catalogue::standard().len()]);
    engine.peek(0, &forming, &mut scratch, &mut out)?;
    let start = Instant::now();
    for _ in 0..1_000 {
        black_box(engine.peek(0, &forming, &mut scratch, &mut out)?);
    }
    report("peek, one symbol", start.elapsed().as_nanos(), 1_000);
    let start = Instant::now();
    let copy = black_box(engine.clone());
    println!("copy of the engine                    {:>10.1} us", start.elapsed().as_secs_f64() * 1e6);
    let start = Instant::now();
    let bytes = copy.snapshot();
    let saved = start.elapsed();
    let start = Instant::now();
    black_box(FeatureEngine::restore(&bytes)?);
    let (saved, restored) = (saved.as_secs_f64() * 1e3, start.elapsed().as_secs_f64() * 1e3);
    println!("snapshot {} KiB, saved in {saved:.1} ms, restored in {restored:.1} ms", bytes.len() / 1_024);
    Ok(())
}
