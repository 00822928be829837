//! `klinecast-exchange`: the exchange as a program.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use exchange_sim::{Exchange, ExchangeConfig, FaultEntry, FaultKind, FaultPlan, MarketSource, recorded};
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
    /// Misbehave: a list of faults such as late-final,reset, or all
    #[arg(long, value_name = "KIND,KIND|all", value_parser = faults)]
    faults: Option<Faults>,
    /// By which draws it misbehaves
    #[arg(long, default_value_t = 7, requires = "faults")]
    fault_seed: u64,
    /// Episodes of each fault in a day of the exchange's time, on average
    #[arg(
        long,
        default_value_t = 4.0,
        requires = "faults",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    faults_per_day: f64,
    /// Write each fault that was injected to this file, one object of JSON a line
    #[arg(long, value_name = "FILE", requires = "faults")]
    fault_log: Option<PathBuf>,
    /// Stop when the last recorded kline has been sent
    #[arg(long)]
    exit_at_end: bool,
}

/// The kinds that were asked for; in a type of its own, since a list of arguments is something else to clap.
#[derive(Debug, Clone)]
struct Faults(Vec<FaultKind>);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let exchange = Exchange::start(config(&arguments)?).await?;
    let mut log = FaultLog::create(arguments.fault_log.as_deref())?;
    announce(&exchange, arguments.ready_file.as_deref())?;
    loop {
        tokio::select! {
            result = tokio::signal::ctrl_c() => break result.context("cannot listen for ctrl-c")?,
            _ = terminate.recv() => break,
            () = exchange.finished(), if arguments.exit_at_end => {
                break tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            entries = exchange.faults_after(log.written) => log.write(&entries)?,
        }
    }
    tracing::info!(time = exchange.now(), "stopping");
    log.write(exchange.fault_log().get(log.written..).unwrap_or_default())?;
    exchange.shutdown().await;
    Ok(())
}

/// Tells which faults were injected: in the program's log, and in a file if there is one.
struct FaultLog {
    written: usize,
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl FaultLog {
    fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let create = |path: &Path| -> anyhow::Result<_> {
            let file = File::create(path)
                .with_context(|| format!("cannot write the fault log {}", path.display()))?;
            Ok((path.to_owned(), BufWriter::new(file)))
        };
        Ok(Self { written: 0, file: path.map(create).transpose()? })
    }

    fn write(&mut self, entries: &[FaultEntry]) -> anyhow::Result<()> {
        self.written += entries.len();
        for entry in entries {
            tracing::info!(fault = entry.to_json(), "injected");
        }
        if let Some((path, file)) = &mut self.file {
            let lines = entries.iter().try_for_each(|entry| writeln!(file, "{}", entry.to_json()));
            lines
                .and_then(|()| file.flush())
                .with_context(|| format!("cannot write the fault log {}", path.display()))?;
        }
        Ok(())
    }
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
        faults: arguments.faults.as_ref().map(|Faults(kinds)| FaultPlan {
            seed: arguments.fault_seed,
            kinds: kinds.clone(),
            per_day: arguments.faults_per_day,
            until: None,
        }),
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

fn faults(text: &str) -> Result<Faults, String> {
    FaultPlan::kinds_of(text).map(Faults).map_err(|error| error.to_string())
}

fn time(text: &str) -> Result<Milliseconds, String> {
    let as_number = || text.parse().ok();
    let moment = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    as_number()
        .or_else(|| moment(text))
        .or_else(|| moment(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| "not a time; write 2025-01-01, 2025-01-01T08:30:00Z or Unix milliseconds".to_owned())
}
