//! How long a restart takes: ten pairs, a day of klines missing, until every pair is predicted again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use exchange_sim::ExchangeConfig;

use crate::household::{Server, exchange, home};
use crate::report::{Goal, Measure, report};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The server's binary.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// The folder of a bundle; one of a few stumps if none is named.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// How many restarts.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Also writes JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let home = home(options.bundle.as_deref())?;
    let (mut cold, mut missing) = (Duration::ZERO, Vec::new());
    for round in 0..=options.rounds {
        // Each round's exchange stands a day later: a day of klines is missing in the store. It runs in real time.
        let start = ExchangeConfig::DEFAULT_START + i64::try_from(round)? * DAY;
        let exchange = exchange(start, 1.0).await?;
        let mut server = Server::start(&options.server, home.path(), &exchange)?;
        let client = server.client().await?;
        let took = server.predicts(&client, start - 900_000).await?;
        if round == 0 {
            cold = took;
        } else {
            missing.push(took.as_secs_f64());
        }
        // The process is killed, not asked to stop.
        drop(server);
        exchange.shutdown().await;
    }
    let slowest = missing.iter().copied().fold(0.0, f64::max);
    let measures = [
        Measure::plain("cold start, 4,000 bars fetched", "s", cold.as_secs_f64()),
        Measure::plain("a day missing, median", "s", crate::clock::median(missing)),
        Measure::plain("a day missing, slowest", "s", slowest).with_goal(Goal::AtMost(2.0)),
    ];
    report("restart", &measures, options.json.as_deref())
}
