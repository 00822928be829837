//! The main job: an exchange, training where there is no model yet, serving, and live forecasts in the terminal.
//! Starts the four binaries in order, waits for what each says when it is ready, and stops only what it started.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::repository;

mod forecasts;
mod household;
mod http;
mod market;
mod recorded;

use household::Household;
use market::Market;

/// How to run.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Stops after one answer for each pair.
    #[arg(long)]
    once: bool,
    /// Prints JSON lines, one a pair, as `POST /predict/{symbol}` answers.
    #[arg(long)]
    json: bool,
    /// The exchange to follow.
    #[arg(long, value_enum, default_value_t = ExchangeKind::Simulated)]
    exchange: ExchangeKind,
    /// Replays a folder of recorded klines on the simulated exchange, in place of the synthetic market.
    #[arg(long, value_name = "DIR")]
    klines: Option<PathBuf>,
    /// With `--klines`: the time from which to replay, for example `2025-01-01`; what is earlier is
    /// history. Without it: the last 30 days.
    #[arg(long, value_name = "TIME", requires = "klines", value_parser = recorded::time_ms)]
    start: Option<i64>,
    /// Exchange seconds for one second here; 900 is one 15-minute step a second.
    #[arg(long, default_value_t = 900.0, value_name = "N", value_parser = speed)]
    speed: f64,
    /// Which synthetic market.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Lets the simulated exchange misbehave: a list of faults such as `late-final,reset`, or `all`. They are written
    /// to `faults.jsonl` in the market's folder.
    #[arg(long, value_name = "KIND,KIND|all")]
    faults: Option<String>,
    /// Days of history to train on.
    #[arg(long, default_value_t = 180, value_name = "DAYS")]
    history_days: u32,
    /// Folder of everything that is kept: klines, journal, models, logs; one folder a market below it.
    #[arg(long, default_value = ".klinecast", value_name = "DIR")]
    home: PathBuf,
    /// Trains anew even when a model of this market exists.
    #[arg(long)]
    retrain: bool,
    /// gRPC address of the server; `--once` takes a free port unless this is given.
    #[arg(long, value_name = "ADDRESS")]
    grpc_address: Option<String>,
    /// HTTP address of the server; `--once` takes a free port unless this is given.
    #[arg(long, value_name = "ADDRESS")]
    http_address: Option<String>,
    /// Address of the server's metrics; `--once` takes a free port unless this is given.
    #[arg(long, value_name = "ADDRESS")]
    metrics_address: Option<String>,
}

/// Which exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExchangeKind {
    /// `klinecast-exchange` on loopback.
    Simulated,
    /// The public exchange; needs the network.
    Binance,
}

/// Says on standard error what happens, with the seconds since the start.
#[derive(Debug, Clone, Copy)]
struct Narrator(Instant);

impl Narrator {
    fn say(self, sentence: &str) {
        eprintln!("run: {:6.1} s  {sentence}", self.0.elapsed().as_secs_f64());
    }
}

/// Runs until the forecasts end, an interrupt, or the first process that fails.
///
/// # Errors
/// When a process can't be started, does not become ready, or dies.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(supervise(options))
}

async fn supervise(options: &Options) -> Result<()> {
    let narrator = Narrator(Instant::now());
    let mut market = Market::open(options)?;
    let mut household = Household::new(&market.home)?;
    // A request to stop comes first: an interrupt at the terminal ends the program in the foreground too, and that is no
    // failure then.
    let exchange = tokio::select! {
        biased;
        () = interrupted() => None,
        endpoints = start_exchange(options, &mut market, &mut household, narrator) => Some(endpoints?),
    };
    let outcome = match exchange {
        None => Ok(()),
        Some(endpoints) => tokio::select! {
            biased;
            () = interrupted() => {
                narrator.say("stopping");
                Ok(())
            }
            outcome = follow(options, &market, &endpoints, &mut household, narrator) => outcome,
            () = market.remember() => Ok(()),
        },
    };
    household.stop().await;
    market.save();
    outcome
}

/// Returns at the first request to stop.
async fn interrupted() {
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
        _ = hangup.recv() => (),
    }
}

/// Where the exchange is.
#[derive(Debug, Clone)]
struct Endpoints {
    rest_url: String,
    websocket_url: String,
}

async fn start_exchange(
    options: &Options,
    market: &mut Market,
    household: &mut Household,
    narrator: Narrator,
) -> Result<Endpoints> {
    if options.exchange == ExchangeKind::Binance {
        narrator.say("following the public exchange");
        return Ok(Endpoints {
            rest_url: "https://data-api.binance.vision".to_owned(),
            websocket_url: "wss://data-stream.binance.vision".to_owned(),
        });
    }
    let mut command = binary("klinecast-exchange")?;
    command.args(["--bind", "127.0.0.1:0", "--speed", &options.speed.to_string()]);
    market.arguments(options, &mut command);
    if let Some(faults) = &options.faults {
        command.args(["--faults", faults, "--fault-log"]).arg(market.home.join("faults.jsonl"));
    }
    let ready = household.start("exchange", command).await?;
    market.started();
    let endpoints =
        Endpoints { rest_url: text(&ready, "rest_url")?, websocket_url: text(&ready, "websocket_url")? };
    narrator.say(&format!("the exchange is up: {}, {} times real time", market.name, options.speed));
    Ok(endpoints)
}

async fn follow(
    options: &Options,
    market: &Market,
    endpoints: &Endpoints,
    household: &mut Household,
    narrator: Narrator,
) -> Result<()> {
    if market.has_model() && !options.retrain {
        narrator.say("using the model trained earlier on this market (--retrain makes a new one)");
    } else {
        train(options, market, endpoints, household, narrator).await?;
        market.trained()?;
    }
    let ready = household.start("server", server(options, market, endpoints)?).await?;
    let http = text(&ready, "http_address")?;
    let grpc = format!("http://{}", text(&ready, "grpc_address")?);
    narrator.say(&format!("the server is up: gRPC {grpc}, REST http://{http}"));
    household.until_serving(&http, narrator).await?;
    narrator.say("every pair is warm; here are the forecasts");
    if options.once {
        return household.or_first_death(forecasts::once(&http, &grpc, options.json)).await;
    }
    let mut watch = binary("klinecast")?;
    watch.args(["--server", &grpc, "watch"]);
    if options.json {
        watch.arg("--json");
    }
    household.or_first_death(foreground(watch, "klinecast watch")).await
}

async fn train(
    options: &Options,
    market: &Market,
    endpoints: &Endpoints,
    household: &mut Household,
    narrator: Narrator,
) -> Result<()> {
    narrator.say("training LightGBM and XGBoost on this machine, once");
    let mut command = binary("klinecast-trainer")?;
    command.arg("run").args(["--rest-url", &endpoints.rest_url]).arg("--home").arg(&market.home);
    // Few days do not pass the gates; what it has not passed is told, and who looks here wants to see forecasts.
    command.arg("--force");
    // And soon: one fold says enough about a market that was made up.
    command.args(["--folds", "1"]);
    command.args(["--days", &options.history_days.to_string(), "--seed", &options.seed.to_string()]);
    if let Some(symbols) = market.symbols() {
        command.args(["--symbols", &symbols]);
    }
    if let Some(start_ms) = market.start_ms() {
        // Not what the exchange's clock says by now: so the same market gives the same model, however fast this machine is.
        command.args(["--until", &start_ms.to_string()]);
    }
    // Standard output is for forecasts alone.
    command.stdout(std::io::stderr());
    household.or_first_death(foreground(command, "klinecast-trainer")).await?;
    narrator.say("trained, and promoted the model to champion");
    Ok(())
}

fn server(options: &Options, market: &Market, endpoints: &Endpoints) -> Result<Command> {
    let mut command = binary("klinecast-server")?;
    command.args(["--rest-url", &endpoints.rest_url, "--websocket-url", &endpoints.websocket_url]);
    command.arg("--home").arg(&market.home);
    if let Some(symbols) = market.symbols() {
        command.args(["--symbols", &symbols]);
    }
    let addresses = [
        ("--grpc-address", &options.grpc_address),
        ("--http-address", &options.http_address),
        ("--metrics-address", &options.metrics_address),
    ];
    for (flag, address) in addresses {
        match address {
            Some(address) => command.args([flag, address]),
            None if options.once => command.args([flag, "127.0.0.1:0"]),
            None => &mut command,
        };
    }
    Ok(command)
}

/// Runs a program in the foreground until it ends.
async fn foreground(mut command: Command, name: &str) -> Result<()> {
    let status = command
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("cannot start {name}"))?;
    if status.signal().is_some() {
        // An interrupt at the terminal reaches this process too: it shall be seen before the failure is told.
        tokio::time::sleep(INTERRUPT_GRACE).await;
    }
    if !status.success() {
        bail!("{name} failed ({status}); its message stands above");
    }
    Ok(())
}

/// A binary of the workspace, beside this one.
fn binary(name: &str) -> Result<Command> {
    let here = std::env::current_exe().context("cannot find this program's own path")?;
    let path = here.with_file_name(name);
    if !path.is_file() {
        bail!("{} is not built; run scripts/run, or cargo build --workspace", path.display());
    }
    let mut command = Command::new(path);
    // Idle OpenMP threads must sleep, not spin: on a busy machine spinning makes training several times slower.
    command.env("OMP_WAIT_POLICY", "PASSIVE").current_dir(repository::root());
    // One folder a market, with its own database: klines of a simulated market have no business in a shared one.
    for name in ["DB_URL", "DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME"] {
        command.env_remove(name);
    }
    Ok(command)
}

fn text(ready: &Value, key: &str) -> Result<String> {
    let value = ready.get(key).and_then(Value::as_str);
    value.map(str::to_owned).with_context(|| format!("the ready file has no `{key}`: {ready}"))
}

/// How long a program's end by a signal waits for the same signal to be seen here.
const INTERRUPT_GRACE: Duration = Duration::from_millis(500);

/// Time between two looks at something that is awaited.
const POLL: Duration = Duration::from_millis(50);

/// The fastest that a run may go: [`market::SKIP_MS`] must be more than passes between two notes.
const SPEED_MAX: f64 = 8_640.0;

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if speed > 0.0 && speed <= SPEED_MAX => Ok(speed),
        _ => Err(format!("not a number above 0 and up to {SPEED_MAX}")),
    }
}
