//! Unary predictions from several connections at once, each connection waiting for its answer before it asks again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use klinecast::{Client, Settings};

use crate::latencies::Latencies;
use crate::report::Measure;

/// What to measure, and where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The server's gRPC address.
    #[arg(long, env = "KLINECAST_SERVER", default_value = Settings::DEFAULT_SERVER)]
    server: String,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Seconds to measure, after one of warming up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Also writes JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let status = Client::new(Settings::at(&options.server))?.status().await?;
    let symbols: Vec<String> = status.symbols.into_iter().map(|symbol| symbol.symbol).collect();
    if symbols.is_empty() {
        bail!("the server at {} serves no symbol", options.server);
    }
    let begin = Instant::now() + Duration::from_secs(1);
    let end = begin + Duration::from_secs(options.seconds);
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..options.connections as usize {
        // A client of its own is a connection of its own.
        let client = Client::new(Settings::at(&options.server))?;
        workers.spawn(ask(client, symbols.clone(), worker, begin, end));
    }
    let mut latencies = Latencies::default();
    while let Some(worker) = workers.join_next().await {
        latencies.merge(worker.context("a worker was cancelled")??);
    }
    report(options, &latencies)
}

async fn ask(
    client: Client,
    symbols: Vec<String>,
    first: usize,
    begin: Instant,
    end: Instant,
) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for symbol in symbols.iter().cycle().skip(first) {
        let asked = Instant::now();
        if asked >= end {
            break;
        }
        client.predict(symbol, &[]).await?;
        if asked >= begin {
            latencies.push(asked.elapsed());
        }
    }
    Ok(latencies)
}

fn report(options: &Options, latencies: &Latencies) -> Result<()> {
    let quantile = |per_mille| latencies.quantile(per_mille).unwrap_or_default().as_secs_f64() * 1e6;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    let rate = latencies.count() as f64 / options.seconds as f64;
    let measures = [
        Measure::plain("latency_p50", "us", quantile(500)),
        Measure::plain("latency_p99", "us", quantile(990)),
        Measure::plain("latency_p999", "us", quantile(999)),
        Measure::plain("throughput", "requests/s", rate),
    ];
    println!("unary Predict, {} connections, {} calls", options.connections, latencies.count());
    crate::report::report("serve", &measures, options.json.as_deref())
}
