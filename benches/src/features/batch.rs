//! Four years of ten pairs as rows with outcomes, on two threads.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use exchange_sim::synthetic;
use features::{Catalogue, HISTORY_BARS};
use forecast::for_each_row;
use kline::{Interval, Kline, Symbol};

use crate::clock::median;
use crate::report::{Goal, Measure};

/// Of each pair: four years of 15 minutes.
const BARS: usize = 140_000;

const THREADS: usize = 2;

const ROUNDS: usize = 3;

pub(super) fn measures() -> Result<Vec<Measure>> {
    let market = synthetic::generate(7, Interval::M15, super::FROM, BARS)?;
    let expected = market.values().map(Vec::len).sum::<usize>();
    // No row depends on where its history starts, so that each thread begins so long before its part.
    let parts: Vec<(BTreeMap<Symbol, Vec<Kline>>, usize)> = (0..THREADS)
        .map(|part| {
            let (from, until) = (BARS * part / THREADS, BARS * (part + 1) / THREADS);
            let early = from.saturating_sub(HISTORY_BARS);
            let cut = |klines: &Vec<Kline>| klines.get(early..until).unwrap_or_default().to_vec();
            (market.iter().map(|(symbol, klines)| (*symbol, cut(klines))).collect(), from - early)
        })
        .collect();
    drop(market);
    let mut seconds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let rows: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = parts.iter().map(|part| scope.spawn(|| rows(part))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
        });
        seconds.push(began.elapsed().as_secs_f64());
        ensure!(rows == expected, "{rows} rows were made, {expected} should be");
    }
    let values = (expected * Catalogue::standard().len()) as f64;
    let seconds = median(seconds);
    Ok(vec![
        Measure::plain("1.4 million rows with outcomes", "s", seconds).with_goal(Goal::AtMost(4.0)),
        Measure::plain("their values, both threads", "million/s", values / seconds / 1e6),
        Measure::plain("memory at most until then", "GiB", peak_memory()).with_goal(Goal::AtMost(2.0)),
    ])
}

/// How many rows a part has, its early history left out; every value and outcome of them is made.
fn rows((klines, early): &(BTreeMap<Symbol, Vec<Kline>>, usize)) -> usize {
    let first = klines.values().next().and_then(|klines| klines.get(*early));
    let Some(first) = first.map(|kline| kline.bar_time(Interval::M15)) else { return 0 };
    let mut rows = 0;
    for_each_row(klines, Interval::M15, |row| {
        if row.bar >= first {
            rows += 1;
            black_box((row.values, row.outcomes));
        }
    });
    rows
}

/// The most memory that this process has had, by the kernel's count.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1_048_576.0)
}
