//! What a live kline costs on its way in: a frame's text to a checked kline, beside serde_json with borrowed text.

mod path;
mod server;

use std::hint::black_box;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use exchange_sim::synthetic;
use kline::{Interval, Kline, Symbol};
use market::binance::frame::{Frame, decode};
use serde::Deserialize;

use crate::clock::nanoseconds;
use crate::report::{Goal, Measure, report};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Also writes JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The folder of a bundle; the newest that `scripts/run` has trained, or else one of a few stumps.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Pairs of the large exchange; 0 leaves it out. 2,000 take 2 minutes and 2 GiB.
    #[arg(long, default_value_t = 0, value_name = "PAIRS")]
    many: usize,
    /// A server's binary: also measures from a frame's sending to its predictions' arrival at a subscriber.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// Bars of each of ten pairs, and how often each frame is read in a round.
const BARS: usize = 100;
const TURNS: usize = 50;

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let market = synthetic::generate(7, Interval::M15, 1_704_067_200_000, BARS)?;
    let frames: Vec<String> = market
        .iter()
        .flat_map(|(symbol, klines)| klines.iter().map(|kline| combined(*symbol, kline)))
        .collect();
    for (frame, kline) in frames.iter().zip(market.values().flatten()) {
        let Ok(Frame::Kline(read)) = decode(frame.as_bytes(), Interval::M15) else {
            anyhow::bail!("not a kline: {frame}");
        };
        ensure!(read.kline.close.to_bits() == peer(frame)?[1].to_bits(), "other bits: {frame}");
        ensure!(read.kline.open_time == kline.open_time, "another bar: {frame}");
    }
    println!("CPU time of one thread, medians of 7 rounds; ours, peer, ours over peer, goal");
    let each = |read: &dyn Fn(&str)| {
        for _ in 0..TURNS {
            frames.iter().for_each(|frame| read(black_box(frame)));
        }
    };
    let mut ours = || each(&|frame| drop(black_box(decode(frame.as_bytes(), Interval::M15))));
    let mut borrowed = || each(&|frame| drop(black_box(peer(frame))));
    let times = nanoseconds(&mut [&mut ours, &mut borrowed]);
    let count = (frames.len() * TURNS) as f64;
    let (ours, borrowed) = (times[0] / count, times[1] / count);
    let mut measures = vec![
        Measure::plain("a combined frame to a kline", "ns", ours)
            .beside("serde_json, borrowed", borrowed)
            .with_goal(Goal::AtMost(borrowed / 3.0)),
        Measure::plain(
            "bytes of a frame",
            "bytes",
            frames.iter().map(String::len).sum::<usize>() as f64 / frames.len() as f64,
        ),
    ];
    measures.extend(path::measure(options)?);
    if let Some(binary) = &options.server {
        measures.extend(server::measure(binary, options.bundle.as_deref()).await?);
    }
    report("live", &measures, options.json.as_deref())
}

/// A closed kline as the exchange's combined stream writes it.
fn combined(symbol: Symbol, kline: &Kline) -> String {
    // Eight places, of which ticks of a cent and lots of a hundred-thousandth leave the last ones zero.
    let price = |value: f64| format!("{value:.2}000000");
    let volume = |value: Option<f64>| format!("{:.5}000", value.unwrap_or_default());
    let quote = |value: Option<f64>| format!("{:.7}0", value.unwrap_or_default());
    format!(
        concat!(
            r#"{{"stream":"{}@kline_15m","data":{{"e":"kline","E":{},"s":"{}","k":{{"t":{},"T":{},"s":"{}","i":"15m","#,
            r#""f":100,"L":200,"o":"{}","c":"{}","h":"{}","l":"{}","v":"{}","n":{},"x":true,"q":"{}","V":"{}","Q":"{}","B":"0"}}}}}}"#
        ),
        symbol.as_str().to_lowercase(),
        kline.close_time + 30,
        symbol,
        kline.open_time,
        kline.close_time,
        symbol,
        price(kline.open.max(0.01)),
        price(kline.close.max(0.01)),
        price(kline.high + 0.01),
        price((kline.low - 0.01).max(0.01)),
        volume(Some(kline.volume)),
        kline.trades.unwrap_or_default(),
        quote(kline.quote_volume),
        volume(kline.taker_base),
        quote(kline.taker_quote),
    )
}

#[derive(Deserialize)]
struct Combined<'a> {
    #[serde(borrow)]
    data: Event<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(borrow)]
    s: &'a str,
    #[serde(borrow)]
    k: Fields<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    t: i64,
    #[serde(rename = "T")]
    close_time: i64,
    #[serde(borrow)]
    i: &'a str,
    o: &'a str,
    c: &'a str,
    h: &'a str,
    l: &'a str,
    v: &'a str,
    n: u64,
    x: bool,
    q: &'a str,
    #[serde(rename = "V")]
    taker_base: &'a str,
    #[serde(rename = "Q")]
    taker_quote: &'a str,
}

/// The numbers of a frame, by serde_json without a copy and without a check of what they say.
fn peer(frame: &str) -> Result<[f64; 8]> {
    let Combined { data } = serde_json::from_str(frame).context("not a frame")?;
    let k = data.k;
    black_box((data.event_time, data.s, k.t, k.close_time, k.i, k.n, k.x));
    let mut numbers = [0.0; 8];
    for (number, text) in numbers.iter_mut().zip([k.o, k.c, k.h, k.l, k.v, k.q, k.taker_base, k.taker_quote])
    {
        *number = text.parse()?;
    }
    Ok(numbers)
}
