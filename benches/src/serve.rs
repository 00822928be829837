//! What a request costs, beside an empty gRPC echo and whoever else is asked: both servers on the first core, the load on
//! the second, in turn, in one run.

mod echo;
mod http;
mod load;
mod seed_like;
mod subscribers;
mod swap;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use exchange_sim::ExchangeConfig;
use prost::Message as _;
use proto::v1;

use crate::clock::median;
use crate::household::{self, Server, exchange};
use crate::process::{Pinned, pin_load};
use crate::report::{Goal, Measure, report};

pub(crate) use echo::Options as EchoOptions;
pub(crate) use echo::run as echo;

use self::load::{Call, Found, Shape};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The server's binary.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// The folder of a bundle; one of a few stumps if none is named.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// The Python that has the peers' packages; without it, and without a bundle, they are left out.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// How often each load is put on each server; medians count.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of one round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many subscribers.
    #[arg(long, default_value_t = 10_000)]
    subscribers: usize,
    /// Only these parts: `unary`, `rest`, `seed`, `swap`, `subscribers`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Also writes JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> Result<()> {
    pin_load()?;
    let mut measures = Vec::new();
    let home = household::home(options.bundle.as_deref())?;
    let exchange = exchange(ExchangeConfig::DEFAULT_START, 1.0).await?;
    // The first start fills the store, the second one is the one that counts.
    let mut cold = Server::start(&options.server, home.path(), &exchange)?;
    let client = cold.client().await?;
    cold.predicts(&client, 0).await?;
    drop(cold);
    let mut server = Server::start_pinned(&options.server, home.path(), &exchange)?;
    let client = server.client().await?;
    let ready = server.predicts(&client, 0).await?;
    measures.push(
        Measure::plain("start to ready, warm store", "s", ready.as_secs_f64()).with_goal(Goal::AtMost(2.0)),
    );
    let process = Pinned::of(server.id());
    measures.push(
        Measure::plain("memory, one bundle, ten pairs", "MB", process.memory_mb()?)
            .with_goal(Goal::AtMost(100.0)),
    );
    let mut costs = Costs::default();
    if options.wants("unary") {
        costs.grpc = Some(unary(options, &server, &process, &mut measures).await?);
    }
    if options.wants("rest") {
        costs.rest = Some(rest(options, &server, &process, &mut measures).await?);
    }
    match (&options.python, &options.bundle) {
        (Some(python), Some(bundle)) if options.wants("seed") => {
            seed_like(options, python, bundle, costs, &mut measures).await?;
        }
        (None, _) | (_, None) => {
            println!("no bundle was named: the server that reckons on request is left out");
        }
        _ => {}
    }
    if options.wants("swap") {
        swap::measure(&server, home.path(), &mut measures).await?;
    }
    if options.wants("subscribers") {
        drop(server);
        subscribers::measure(options.subscribers, &options.server, home.path(), &mut measures).await?;
    }
    report("serve", &measures, options.json.as_deref())
}

/// The loads: connections, and calls in flight on each.
const SHAPES: [Shape; 3] = [
    Shape { connections: 1, in_flight: 1 },
    Shape { connections: 1, in_flight: 64 },
    Shape { connections: 4, in_flight: 16 },
];

async fn unary(
    options: &Options,
    server: &Server,
    process: &Pinned,
    measures: &mut Vec<Measure>,
) -> Result<f64> {
    let symbol = household::symbols()?.first().context("a pair")?.to_string();
    let request = v1::PredictRequest { symbol, ..Default::default() }.encode_to_vec();
    let ours = Call::new(server.addresses()?[0], "/klinecast.v1.PredictionService/Predict", request);
    let bytes = load::closed(&ours, SHAPES[0], Duration::from_millis(200)).await?.reply_bytes;
    let peer = echo::Echo::start(bytes).await?;
    let theirs = Call::new(peer.address(), echo::PATH, Vec::new());
    let for_long = Duration::from_secs_f64(options.seconds);
    println!("unary Predict, one pair, all tasks, {bytes} bytes a reply; the echo answers as many");
    let mut cost = f64::NAN;
    for shape in SHAPES {
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            here.push(process.during(load::closed(&ours, shape, for_long)).await?);
            there.push(peer.process().during(load::closed(&theirs, shape, for_long)).await?);
        }
        compare(&shape.to_string(), &here, &there, measures);
        cost = median(here.iter().map(|(found, cpu)| found.cpu_a_call(*cpu)).collect());
    }
    // Open loop at half of what was found: times count from when a call was due.
    let rate = load::closed(&theirs, SHAPES[2], for_long).await?.rate() / 2.0;
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        here.push(process.during(load::open(&ours, SHAPES[2], rate, for_long)).await?);
        there.push(peer.process().during(load::open(&theirs, SHAPES[2], rate, for_long)).await?);
    }
    let of = |rounds: &[(Found, Duration)], per_mille| {
        median(rounds.iter().map(|(found, _)| found.microseconds(per_mille)).collect())
    };
    for (name, per_mille) in [("p50", 500), ("p99", 990)] {
        let measure = Measure::plain(format!("open loop at {rate:.0}/s, {name}"), "us", of(&here, per_mille));
        measures.push(measure.beside("echo", of(&there, per_mille)));
    }
    Ok(cost)
}

/// The CPU time of a call on each face, in microseconds, as far as it was measured.
#[derive(Debug, Clone, Copy, Default)]
struct Costs {
    grpc: Option<f64>,
    rest: Option<f64>,
}

async fn seed_like(
    options: &Options,
    python: &Path,
    bundle: &Path,
    costs: Costs,
    measures: &mut Vec<Measure>,
) -> Result<()> {
    let for_long = Duration::from_secs_f64(options.seconds * 2.0);
    let theirs = seed_like::cpu_a_call(python, bundle, for_long).await?;
    for (face, ours, goal) in [("gRPC", costs.grpc, 300.0), ("REST", costs.rest, 150.0)] {
        let Some(ours) = ours else { continue };
        let name = format!("CPU there over ours, {face}");
        measures.push(Measure::plain(name, "times", theirs / ours).with_goal(Goal::AtLeast(goal)));
    }
    measures.push(Measure::plain("CPU a call, reckoning on request", "us", theirs));
    Ok(())
}

/// Our throughput, CPU and latencies beside the echo's, as ratios of the rounds' medians.
fn compare(
    shape: &str,
    here: &[(Found, Duration)],
    there: &[(Found, Duration)],
    measures: &mut Vec<Measure>,
) {
    type Figure = fn(&(Found, Duration)) -> f64;
    type Line = (&'static str, &'static str, Figure, Option<fn(f64) -> Goal>);
    let figures: [Line; 4] = [
        ("calls", "calls/s", |(found, _)| found.rate(), Some(|peer| Goal::AtLeast(0.9 * peer))),
        ("CPU a call", "us", |(found, cpu)| found.cpu_a_call(*cpu), Some(|peer| Goal::AtMost(1.15 * peer))),
        ("p50", "us", |(found, _)| found.microseconds(500), None),
        ("p99", "us", |(found, _)| found.microseconds(990), Some(|peer| Goal::AtMost(1.15 * peer))),
    ];
    for (name, unit, figure, goal) in figures {
        let ours = median(here.iter().map(figure).collect());
        let peer = median(there.iter().map(figure).collect());
        let measure = Measure::plain(format!("{shape}, {name}"), unit, ours).beside("echo", peer);
        measures.push(match goal {
            Some(goal) => measure.with_goal(goal(peer)),
            None => measure,
        });
    }
}

async fn rest(
    options: &Options,
    server: &Server,
    process: &Pinned,
    measures: &mut Vec<Measure>,
) -> Result<f64> {
    let symbol = household::symbols()?.first().context("a pair")?.to_string();
    let for_long = Duration::from_secs_f64(options.seconds);
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        rounds.push(
            process
                .during(http::closed(server.addresses()?[1], &format!("/predict/{symbol}"), 16, for_long))
                .await?,
        );
    }
    let of = |figure: &dyn Fn(&(Found, Duration)) -> f64| median(rounds.iter().map(figure).collect());
    measures.push(Measure::plain("REST, 16 connections, calls", "calls/s", of(&|(found, _)| found.rate())));
    let cost = of(&|(found, cpu)| found.cpu_a_call(*cpu));
    measures.push(Measure::plain("REST, CPU a call", "us", cost));
    measures.push(Measure::plain("REST, p99", "us", of(&|(found, _)| found.microseconds(990))));
    Ok(cost)
}
