//! A small market, and the pipeline with few rounds.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Parser;
use exchange_sim::synthetic;
use kline::{Interval, Kline, Symbol};
use klinecast_trainer::args::Arguments;
use klinecast_trainer::console::Console;
use klinecast_trainer::pipeline;

/// 2025-01-01 00:00 UTC.
pub(crate) const START: i64 = 1_735_689_600_000;

/// The klines of three pairs over so many days.
pub(crate) fn market(days: usize) -> BTreeMap<Symbol, Vec<Kline>> {
    let mut klines = synthetic::generate(7, Interval::M15, START, days * 96).expect("a synthetic market");
    klines.retain(|symbol, _| ["BTCUSDT", "ETHUSDT", "SOLUSDT"].contains(&symbol.as_str()));
    assert_eq!(klines.len(), 3);
    klines
}

/// Writes klines as recorded files.
pub(crate) fn write_files(folder: &Path, klines: &BTreeMap<Symbol, Vec<Kline>>) {
    for (symbol, klines) in klines {
        let path = folder.join(format!("{symbol}-15m.csv"));
        std::fs::write(path, market::files::to_csv(klines)).expect("a file");
    }
}

/// Runs a command line in this process without output; answers what it said about its failure.
pub(crate) fn execute(words: &[&str]) -> Result<(), String> {
    let arguments = Arguments::try_parse_from(std::iter::once(&"klinecast-trainer").chain(words));
    pipeline::execute_with(&arguments.expect("a well-formed command line"), Console::silent())
        .map_err(|error| error.to_string())
}
