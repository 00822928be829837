//! The facts of the synthetic market against those of the real one.

mod measure;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use exchange_sim::recorded::{read_file, read_folder};
use exchange_sim::synthetic::{self, PAIRS};
use kline::{Interval, Kline, Symbol};
use measure::{Facts, Flow, LAGS, correlate};

/// Windows in which all ten pairs are complete: 2022-08-01 to 2023-09-27 and 2024-01-01 to 2024-04-09.
const WINDOWS: [(i64, i64); 2] =
    [(1_659_312_000_000, 1_695_772_800_000), (1_704_067_200_000, 1_712_620_800_000)];

/// The real klines' folder, or `None` on a machine without it.
fn real_data() -> Option<PathBuf> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let folder = std::env::var_os("KLINECAST_REAL_DATA").map_or_else(default, PathBuf::from);
    if folder.join("spot-15m").is_dir() {
        return Some(folder);
    }
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "real klines are missing at {}; set KLINECAST_REAL_DATA", folder.display());
    eprintln!("no real klines at {}: the facts stated in this test stand for them", folder.display());
    None
}

/// The facts as they were measured on the real klines, for machines that do not have them.
fn stated() -> (Facts, Flow) {
    let facts = Facts {
        volatility: vec![
            0.00436, 0.00520, 0.00333, 0.00277, 0.00439, 0.00322, 0.00452, 0.00456, 0.00576, 0.00428,
        ],
        kurtosis: 80.2,
        peakedness: 0.632,
        beyond_four: 0.0064,
        clustering: [0.318_01, 0.213, 0.142, 0.121, 0.071],
        return_memory: [-0.028, -0.010],
        correlation: 0.694,
        least_correlation: 0.541,
        volatility_correlation: 0.622,
        hours: vec![
            1.191, 1.089, 0.970, 0.857, 0.817, 0.847, 0.860, 0.902, 0.993, 0.912, 0.884, 0.849, 1.064, 1.076,
            1.237, 1.209, 1.198, 1.087, 1.041, 1.023, 0.985, 1.020, 0.985, 0.904,
        ],
        weekend: 0.785,
        volume_on_return: 0.522,
        volume_on_range: 0.809,
        volume_spread: 0.868,
        volume_memory: [0.768, 0.618, 0.462, 0.389, 0.323],
        parkinson: 1.014,
        unchanged: 0.033,
    };
    (facts, Flow { mean: 0.485, spread: 0.0704, on_return: 0.413, on_next_return: -0.006, memory: 0.192 })
}

fn real() -> (Facts, Flow) {
    real_data().map_or_else(stated, |folder| measured(&folder))
}

fn measured(folder: &Path) -> (Facts, Flow) {
    let all = read_folder(&folder.join("spot-15m"), Interval::M15).expect("the real klines are well-formed");
    let windows = WINDOWS.map(|(from, to)| {
        let cut = |klines: &Vec<Kline>| -> Vec<Kline> {
            klines.iter().filter(|kline| (from..to).contains(&kline.open_time)).copied().collect()
        };
        let renamed = all.iter().map(|(symbol, klines)| {
            let name =
                if symbol.as_str() == "MATICUSDT" { "POLUSDT".parse().expect("a name") } else { *symbol };
            (name, cut(klines))
        });
        Facts::measure(&renamed.collect())
    });
    let bitcoin = read_file(&folder.join("full-columns/BTCUSDT-15m-spot.csv.gz"), Interval::M15);
    (Facts::average(&windows), Flow::measure(&bitcoin.expect("a well-formed file")))
}

/// One year from 2023-11-15.
fn synthetic_year(seed: u64) -> BTreeMap<Symbol, Vec<Kline>> {
    synthetic::generate(seed, Interval::M15, 1_700_006_400_000, 35_040).expect("a valid start")
}

/// A fact of both markets and the band that holds them together.
struct Comparison {
    name: String,
    real: f64,
    synthetic: f64,
    low: f64,
    high: f64,
}

/// The synthetic value lies within `share` of the real one, either way.
fn within_share(name: impl Into<String>, real: f64, synthetic: f64, share: f64) -> Comparison {
    Comparison { name: name.into(), real, synthetic, low: real * (1.0 - share), high: real * (1.0 + share) }
}

/// The synthetic value lies within `distance` of the real one.
fn within(name: impl Into<String>, real: f64, synthetic: f64, distance: f64) -> Comparison {
    Comparison { name: name.into(), real, synthetic, low: real - distance, high: real + distance }
}

/// The bands. A year of a market whose volatility remembers for weeks measures its own facts only roughly: the
/// real windows differ from one another by as much as these bands allow.
fn compare(real: &Facts, synthetic: &Facts) -> Vec<Comparison> {
    let mut all = vec![
        within_share("mean absolute return / deviation", real.peakedness, synthetic.peakedness, 0.12),
        Comparison {
            name: "kurtosis".into(),
            real: real.kurtosis,
            synthetic: synthetic.kurtosis,
            low: 14.0,
            high: 250.0,
        },
        within("share beyond four deviations", real.beyond_four, synthetic.beyond_four, 0.004),
        within("correlation of returns, mean", real.correlation, synthetic.correlation, 0.08),
        within("correlation of returns, least", real.least_correlation, synthetic.least_correlation, 0.12),
        within(
            "correlation of absolute returns",
            real.volatility_correlation,
            synthetic.volatility_correlation,
            0.15,
        ),
        within("weekend", real.weekend, synthetic.weekend, 0.12),
        within("hours, correlation of the shapes", 1.0, correlate(&real.hours, &synthetic.hours), 0.15),
        within("busiest hour", largest(&real.hours), largest(&synthetic.hours), 0.15),
        within("volume and absolute return", real.volume_on_return, synthetic.volume_on_return, 0.10),
        within("volume and range", real.volume_on_range, synthetic.volume_on_range, 0.07),
        within("spread of log volume", real.volume_spread, synthetic.volume_spread, 0.20),
        within("range estimate / close estimate", real.parkinson, synthetic.parkinson, 0.06),
        within("share of unchanged bars", real.unchanged, synthetic.unchanged, 0.03),
    ];
    let lags = LAGS.iter().enumerate();
    for (at, lag) in lags {
        all.push(within(
            format!("absolute returns, lag {lag}"),
            real.clustering[at],
            synthetic.clustering[at],
            0.09,
        ));
        all.push(within(
            format!("log volume, lag {lag}"),
            real.volume_memory[at],
            synthetic.volume_memory[at],
            0.14,
        ));
    }
    for (at, lag) in [1, 2].iter().enumerate() {
        all.push(within(
            format!("returns, lag {lag}"),
            real.return_memory[at],
            synthetic.return_memory[at],
            0.05,
        ));
    }
    for (at, (real, synthetic)) in real.volatility.iter().zip(&synthetic.volatility).enumerate() {
        all.push(within_share(format!("deviation, pair {at} by name"), *real, *synthetic, 0.35));
    }
    all
}

fn compare_flow(real: &Flow, synthetic: &Flow) -> Vec<Comparison> {
    vec![
        within("taker share, mean", real.mean, synthetic.mean, 0.02),
        within_share("taker share, spread", real.spread, synthetic.spread, 0.15),
        within("taker share and return", real.on_return, synthetic.on_return, 0.10),
        within("taker share and next return", real.on_next_return, synthetic.on_next_return, 0.03),
        within("taker share, lag 1", real.memory, synthetic.memory, 0.08),
    ]
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::MIN, f64::max)
}

#[test]
fn the_synthetic_market_has_the_real_one_s_facts() {
    let (real, real_flow) = real();
    let bitcoin: Symbol = PAIRS[0].parse().expect("a name");
    let mut outside = Vec::new();
    for seed in [7, 11] {
        let year = synthetic_year(seed);
        let mut all = compare(&real, &Facts::measure(&year));
        all.extend(compare_flow(&real_flow, &Flow::measure(&year[&bitcoin])));
        println!("{:<36} {:>9} {:>9}   band (seed {seed})", "fact", "real", "synthetic");
        for Comparison { name, real, synthetic, low, high } in all {
            println!("{name:<36} {real:>9.4} {synthetic:>9.4}   {low:.4} to {high:.4}");
            if !(low..=high).contains(&synthetic) {
                outside.push(format!("seed {seed}: {name} is {synthetic:.4}, outside {low:.4} to {high:.4}"));
            }
        }
    }
    assert!(outside.is_empty(), "{outside:#?}");
}

/// A market without memory of volatility must not pass: the bands can fail.
#[test]
fn a_market_in_another_order_is_outside_the_bands() {
    let shuffled = |klines: &Vec<Kline>| -> Vec<Kline> {
        let changes: Vec<f64> = klines.windows(2).map(|pair| pair[1].close / pair[0].close).collect();
        let mut close = klines[0].close;
        let mut fields = klines.iter().map(|kline| *kline.fields()).collect::<Vec<_>>();
        for (at, field) in fields.iter_mut().enumerate().skip(1) {
            (field.open, close) = (close, close * changes[(at * 7_919) % changes.len()]);
            (field.close, field.high, field.low) = (close, close.max(field.open), close.min(field.open));
        }
        fields.into_iter().map(|fields| Kline::new(Interval::M15, fields).expect("valid")).collect()
    };
    let year = synthetic_year(7);
    let shuffled = year.iter().map(|(symbol, klines)| (*symbol, shuffled(klines))).collect();
    let all = compare(&stated().0, &Facts::measure(&shuffled));
    let failed: Vec<&str> =
        all.iter().filter(|c| !(c.low..=c.high).contains(&c.synthetic)).map(|c| c.name.as_str()).collect();
    for name in ["absolute returns, lag 1", "absolute returns, lag 4", "volume and range"] {
        assert!(failed.contains(&name), "{name} should be outside its band: {failed:?}");
    }
}
