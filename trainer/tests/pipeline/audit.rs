//! The audit of causality: the real machine passes, a bent one is caught by name.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use exchange_sim::synthetic;
use features::Catalogue;
use forecast::{CausalityCertificate, DatasetRow, Offence, OffenceKind, Task};
use kline::{BarTime, Interval, Kline, Symbol};
use klinecast_trainer::audit::{CausalityRequest, Klines, Machine, RowMaker, audit_causality};
use klinecast_trainer::console::Console;

use crate::odd_markets::make_holes;
use crate::support::{START, market};

fn audit(maker: &dyn RowMaker, klines: &Klines, interval: Interval, bars: usize) -> CausalityCertificate {
    let request = CausalityRequest { bars, seed: 7, data_version: "test".to_owned() };
    audit_causality(maker, klines, interval, &request, Console::silent()).expect("history enough")
}

/// Everything was compared and nothing was found; the first thing that fails names the offenders.
fn assert_passed(found: &CausalityCertificate, bars: usize) {
    assert_eq!(found.offences, [], "of the real machine");
    let catalogue = Catalogue::standard().hash().to_string();
    assert_eq!(found.problem(&catalogue, "test"), None);
    assert!(found.passed && found.cut_bars.len() == bars);
    assert_eq!(found.features, Catalogue::standard().len() as u64);
}

#[test]
fn the_machine_passes_on_a_synthetic_market_and_twice_alike() {
    let klines = market(36);
    let found = audit(&Machine, &klines, Interval::M15, 8);
    assert_passed(&found, 8);
    assert!(found.filled_columns.is_empty() && found.stand_ins.is_empty(), "{found:?}");
    assert_eq!(found, audit(&Machine, &klines, Interval::M15, 8));
}

#[test]
fn one_market_on_a_longer_step_is_judged_among_stand_ins() {
    let mut klines = synthetic::generate(7, Interval::H1, START, 3_300).expect("a synthetic market");
    klines.retain(|symbol, _| symbol.as_str() == "SOLUSDT");
    let found = audit(&Machine, &klines, Interval::H1, 4);
    assert_passed(&found, 4);
    assert_eq!(found.stand_ins.len(), 2, "{:?}", found.stand_ins);
}

/// Of many that begin alike one is Bitcoin, and the others are the market.
#[test]
fn several_markets_of_bitcoin_are_not_taken_for_the_whole_market() {
    let mut klines = market(36);
    let bitcoin = klines[&"BTCUSDT".parse().expect("a symbol")].clone();
    for name in ["BTCDOMUSDT", "BTCEUR", "BTCFDUSD", "BTCTRY", "BTCUSDC"] {
        klines.insert(name.parse().expect("a symbol"), bitcoin.clone());
    }
    let found = audit(&Machine, &klines, Interval::M15, 2);
    assert_passed(&found, 2);
    assert_eq!(found.stand_ins, []);
}

/// A column of a bar that nobody traded in is the last close: that is no input that a feature forgot to declare.
#[test]
fn the_machine_passes_on_a_market_full_of_holes() {
    let mut klines = market(36);
    make_holes(&mut klines, 0..40);
    assert_passed(&audit(&Machine, &klines, Interval::M15, 8), 8);
}

#[test]
fn the_machine_passes_on_real_klines() {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("KLINECAST_REAL_DATA").map_or_else(default, PathBuf::from).join("spot-15m");
    if !folder.is_dir() {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "real klines are missing at {}; set KLINECAST_REAL_DATA", folder.display());
        println!("{} is missing: the synthetic market alone is audited", folder.display());
        return;
    }
    let read = |name: &str| {
        let path = folder.join(format!("{name}-15m.csv.gz"));
        (name.parse().expect("a symbol"), market::files::read_file(&path, Interval::M15).expect("klines"))
    };
    let klines: Klines = ["BTCUSDT", "DOTUSDT", "MATICUSDT", "SOLUSDT"].into_iter().map(read).collect();
    let found = audit(&Machine, &klines, Interval::M15, 8);
    assert_passed(&found, 8);
    assert!(found.filled_columns.iter().any(|name| name == "taker_base"), "{:?}", found.filled_columns);
}

/// The real machine, whose rows are bent before they are given on.
struct Bent<Bend>(Bend);

impl<Bend: Sync + Fn(&Klines, &DatasetRow<'_>, &mut [f64], &mut [f64; Task::COUNT])> RowMaker for Bent<Bend> {
    fn rows(&self, klines: &Klines, interval: Interval, emit: &mut dyn FnMut(DatasetRow<'_>)) {
        Machine.rows(klines, interval, &mut |row| {
            let (mut values, mut outcomes) = (row.values.to_vec(), *row.outcomes);
            (self.0)(klines, &row, &mut values, &mut outcomes);
            emit(DatasetRow { values: &values, outcomes: &outcomes, ..row });
        });
    }
}

/// The kline `steps` bars from a row's.
fn kline_at(klines: &Klines, symbol: Symbol, bar: BarTime, steps: i64) -> Option<&Kline> {
    let time = bar.plus(steps, Interval::M15).milliseconds();
    let series = klines.get(&symbol)?;
    series.binary_search_by_key(&time, |kline| kline.close_time).ok().map(|place| &series[place])
}

fn column(name: &str) -> usize {
    Catalogue::standard().index_of(name).expect("a name of the catalogue")
}

static MARKET: LazyLock<Klines> = LazyLock::new(|| market(34));

/// What is found beyond what the straight machine is blamed for.
fn blamed(
    bend: impl Sync + Fn(&Klines, &DatasetRow<'_>, &mut [f64], &mut [f64; Task::COUNT]),
) -> Vec<(OffenceKind, String, String)> {
    static STRAIGHT: LazyLock<Vec<Offence>> =
        LazyLock::new(|| audit(&Machine, &MARKET, Interval::M15, 5).offences);
    let found = audit(&Bent(bend), &MARKET, Interval::M15, 5);
    assert!(!found.passed && found.problem(&found.catalogue_hash, "test").is_some());
    let new = found.offences.into_iter().filter(|offence| !STRAIGHT.contains(offence));
    new.map(|offence| (offence.kind, offence.name, offence.detail)).collect()
}

fn names(offences: &[(OffenceKind, String, String)]) -> Vec<(OffenceKind, &str)> {
    offences.iter().map(|(kind, name, _)| (*kind, name.as_str())).collect()
}

#[test]
fn a_feature_that_reads_the_next_close_is_caught() {
    let leaking = column("rsi_14");
    let found = blamed(|klines, row, values, _| {
        if let Some(next) = kline_at(klines, row.symbol, row.bar, 1) {
            values[leaking] += 1e-9 * next.close / row.inputs.context.close;
        }
    });
    assert_eq!(names(&found), [(OffenceKind::LooksAhead, "rsi_14")], "{found:?}");
}

#[test]
fn a_leak_through_another_symbols_next_bar_is_caught() {
    let leaking = column("market_return_4");
    let ether: Symbol = "ETHUSDT".parse().expect("a symbol");
    let found = blamed(|klines, row, values, _| {
        if let Some(next) = kline_at(klines, ether, row.bar, 1).filter(|_| row.symbol != ether) {
            values[leaking] += 1e-6 * next.volume;
        }
    });
    assert_eq!(names(&found), [(OffenceKind::LooksAhead, "market_return_4")], "{found:?}");
}

#[test]
fn a_dead_feature_and_a_declared_input_that_does_nothing_are_caught() {
    let (dead, deaf) = (column("rsi_14"), column("natr_14"));
    let found = blamed(|_, row, values, _| {
        values[dead] = 50.0;
        values[deaf] = row.inputs.context.close;
    });
    let expected = [(OffenceKind::Dead, "rsi_14"), (OffenceKind::SilentInput, "natr_14")];
    assert_eq!(names(&found), expected, "{found:?}");
    assert_eq!(found[1].2, "not moved by high, low");
}

#[test]
fn inputs_that_are_not_declared_are_caught() {
    let (own, other, clock) = (column("rsi_14"), column("bitcoin_return_1"), column("natr_14"));
    let solana: Symbol = "SOLUSDT".parse().expect("a symbol");
    let found = blamed(|klines, row, values, _| {
        values[own] += kline_at(klines, row.symbol, row.bar, 0).map_or(0.0, |kline| kline.volume);
        values[other] += kline_at(klines, solana, row.bar, 0).map_or(0.0, |kline| kline.open);
        values[clock] *= 1.0 + row.bar.milliseconds() as f64 * 1e-12;
    });
    let undeclared = OffenceKind::UndeclaredInput;
    let mut names = names(&found);
    names.sort_unstable();
    let expected = ["bitcoin_return_1", "natr_14", "rsi_14"].map(|name| (undeclared, name));
    assert_eq!(names, expected, "{found:?}");
    for (name, cause) in [("natr_14", "time"), ("bitcoin_return_1", "of other symbols"), ("rsi_14", "volume")]
    {
        let detail = found.iter().find(|(_, blamed, _)| blamed == name).map(|(_, _, detail)| detail.as_str());
        assert!(detail.is_some_and(|detail| detail.contains(cause)), "{name}: {detail:?}");
    }
}

#[test]
fn outcomes_that_look_back_or_beyond_their_horizon_are_caught() {
    let found = blamed(|klines, row, _, outcomes| {
        if let Some(before) = kline_at(klines, row.symbol, row.bar, -1) {
            outcomes[Task::Volatility4Step.index()] += before.close;
        }
        if let Some(beyond) = kline_at(klines, row.symbol, row.bar, 2) {
            outcomes[Task::Return1Step.index()] += beyond.close;
        }
    });
    let expected = [
        (OffenceKind::LooksAhead, "outcome return_1step"),
        (OffenceKind::LooksBack, "outcome volatility_4step"),
    ];
    assert_eq!(names(&found), expected, "{found:?}");
}
