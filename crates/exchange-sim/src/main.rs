//! `klinecast-exchange`: the exchange as a program.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use exchange_sim::{Exchange, ExchangeConfig, MarketSource, recorded};
use kline::{Interval, Milliseconds};
use tokio::signal::unix::{SignalKind, signal};

/// A Binance-compatible exchange on loopback: recorded klines, or a seeded synthetic market, at any speed.
#[derive(Debug, Parser)]
#[command(name = "klinecast-exchange", version)]
struct Arguments {
    /// Trade the synthetic market of ten pairs (the default without --klines)
    #[arg(long, conflicts_with = "klines")]
    synthetic: bool,
    /// Which synthetic market
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Days of the synthetic market's past that can be asked for
    #[arg(long, default_value_t = 180, value_name = "DAYS")]
    history_days: u32,
    /// Replay the klines of a folder of SYMBOL-INTERVAL.csv[.gz] files; needs --start
    #[arg(long, value_name = "DIR", requires = "start")]
    klines: Option<PathBuf>,
    /// Length of the bars
    #[arg(long, default_value = "15m")]
    interval: Interval,
    /// The exchange's time at the start, as 2025-01-01, 2025-01-01T08:30:00Z or Unix milliseconds (default: now)
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<Milliseconds>,
    /// Exchange seconds for one second of the wall; 900 is one 15m bar a second. 0 replays as fast as the
    /// subscribers read, once every pair's stream is subscribed to
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9443", value_name = "ADDRESS")]
    bind: SocketAddr,
    /// Write the line of JSON with the addresses to this file too, once ready
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Stop when the last recorded kline has been sent
    #[arg(long)]
    exit_at_end: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let exchange = Exchange::start(config(&arguments)?).await?;
    announce(&exchange, arguments.ready_file.as_deref())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for ctrl-c")?,
        _ = terminate.recv() => (),
        () = exchange.finished(), if arguments.exit_at_end => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
    }
    tracing::info!(time = exchange.now(), "stopping");
    exchange.shutdown().await;
    Ok(())
}

fn config(arguments: &Arguments) -> anyhow::Result<ExchangeConfig> {
    let start = arguments.start.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond());
    let base = match &arguments.klines {
        Some(folder) => ExchangeConfig::recorded(recorded::read_folder(folder, arguments.interval)?, start),
        None => ExchangeConfig::synthetic(arguments.seed),
    };
    let market = match base.market {
        MarketSource::Synthetic { seed, .. } => {
            MarketSource::Synthetic { seed, history_days: arguments.history_days }
        }
        recorded => recorded,
    };
    Ok(ExchangeConfig {
        market,
        start,
        interval: arguments.interval,
        speed: arguments.speed,
        bind: arguments.bind,
        ..base
    })
}

/// Tells where the exchange listens: one line of JSON on standard output and, whole or not at all, in the file.
fn announce(exchange: &Exchange, file: Option<&Path>) -> anyhow::Result<()> {
    let line =
        serde_json::json!({ "rest_url": exchange.rest_url(), "websocket_url": exchange.websocket_url() })
            .to_string();
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).context("cannot write to standard output")?;
    if let Some(path) = file {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        std::fs::write(&partial, format!("{line}\n"))
            .and_then(|()| std::fs::rename(&partial, path))
            .with_context(|| format!("cannot write the ready file {}", path.display()))?;
    }
    Ok(())
}

fn time(text: &str) -> Result<Milliseconds, String> {
    let as_number = || text.parse().ok();
    let moment = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    as_number()
        .or_else(|| moment(text))
        .or_else(|| moment(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| "not a time; write 2025-01-01, 2025-01-01T08:30:00Z or Unix milliseconds".to_owned())
}
