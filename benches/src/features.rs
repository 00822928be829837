//! What features cost: one bar of the whole catalogue, many symbols, a batch, and, built with `peers`, the twelve common
//! indicators beside other libraries.

mod batch;
#[cfg(feature = "peers")]
mod indicators;
mod whole;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use exchange_sim::synthetic;
use kline::{Interval, Kline, Milliseconds, Symbol};

use crate::report::report;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Also writes JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only makes the whole bars so often: what callgrind counts.
    #[arg(long, hide = true)]
    turns: Option<u32>,
}

/// 2024-01-01 00:00 UTC.
const FROM: Milliseconds = 1_704_067_200_000;

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(turns) = options.turns {
        return whole::turns(&synthetic::generate(7, Interval::M15, FROM, 4_000)?, turns);
    }
    let market = synthetic::generate(7, Interval::M15, FROM, 24_000)?;
    println!(
        "CPU time of one thread (wall time where two work), medians of rounds; ours, peer, ours over peer, goal"
    );
    let mut measures = whole::measures(&market)?;
    measures.extend(batch::measures()?);
    #[cfg(feature = "peers")]
    {
        let found = indicators::measures(bitcoin(&market)?)?;
        measures.extend(whole::beside_ta_lib(&measures, &found));
        measures.extend(found);
    }
    #[cfg(not(feature = "peers"))]
    bitcoin(&market).map(drop)?;
    measures.sort_by_key(|measure| measure.peer.is_some());
    report("features", &measures, options.json.as_deref())
}

fn bitcoin(market: &std::collections::BTreeMap<Symbol, Vec<Kline>>) -> Result<&[Kline]> {
    let found = ::features::bitcoin_of(market.keys().copied()).and_then(|symbol| market.get(&symbol));
    found.map(Vec::as_slice).context("the market has no Bitcoin")
}
