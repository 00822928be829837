//! What a request costs, beside an empty gRPC echo and whoever else is asked: both servers on the first core, the load on
//! the second, in turn, in one run.

mod counts;
mod echo;
mod http;
mod load;
mod python;
mod subscribers;
mod swap;
mod unary;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use exchange_sim::ExchangeConfig;
use tempfile::TempDir;

use crate::clock::median;
use crate::household::{self, Server, exchange};
use crate::process::{Pinned, pin_load};
use crate::report::{Goal, Measure, report};

pub(crate) use echo::Options as EchoOptions;
pub(crate) use echo::run as echo;

use self::load::Found;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The server's binary.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// The folder of a bundle; one of a few stumps if none is named.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// A bundle whose fourteen boosters have 6,200 trees and 169,000 leaves of noise, as many as were measured elsewhere.
    #[arg(long, conflicts_with = "bundle")]
    large: bool,
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
    /// Only these parts: `unary`, `counts`, `rest`, `seed`, `mlserver`, `swap`, `subscribers`.
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
    let made = options.large.then(household::large_bundle).transpose()?;
    let bundle = options.bundle.as_deref().or(made.as_ref().map(TempDir::path));
    let home = household::home(bundle)?;
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
    if options.wants("unary") {
        unary::measure(options, &server, &process, &mut measures).await?;
    }
    if options.wants("counts") {
        let start = (options.server.as_path(), home.path(), &exchange);
        unary::count(&server, start, &mut measures).await?;
    }
    if options.wants("rest") {
        rest(options, &server, &process, &mut measures).await?;
    }
    if let (Some(python), Some(bundle)) = (&options.python, bundle) {
        peers(options, (python, bundle), &server, &mut measures).await?;
    } else {
        println!("no bundle was named: the servers in Python are left out");
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

/// The servers in Python, which have the same boosters.
async fn peers(
    options: &Options,
    (python, bundle): (&Path, &Path),
    server: &Server,
    measures: &mut Vec<Measure>,
) -> Result<()> {
    let for_long = Duration::from_secs_f64(options.seconds);
    let rounds = (options.rounds, for_long);
    if options.wants("seed") {
        let (call, path) = (unary::call(server)?, rest_path()?);
        let costs = python::seed_like((python, bundle), (server, &call, &path), rounds).await?;
        let of = |figure: &dyn Fn(&[f64; 3]) -> f64| median(costs.iter().map(figure).collect());
        measures.push(Measure::plain("CPU a call, reckoning on request", "us", of(&|cost| cost[0])));
        for (place, face, goal) in [(1, "gRPC", 300.0), (2, "REST", 150.0)] {
            measures.push(Measure::plain(
                format!("the same, ours over {face}"),
                "us",
                of(&|cost| cost[place]),
            ));
            let times = of(&|cost| cost[0] / cost[place]);
            let measure = Measure::plain(format!("CPU there over ours, {face}"), "times", times);
            measures.push(measure.with_goal(Goal::AtLeast(goal)));
        }
    }
    if options.wants("mlserver") {
        let found = python::mlserver((python, bundle), server.addresses()?[0], rounds).await?;
        let of = |figure: &dyn Fn(&[Found; 2]) -> f64| median(found.iter().map(figure).collect());
        let measure =
            Measure::plain("a row over inference v2, calls", "calls/s", of(&|[_, ours]| ours.rate()));
        measures.push(measure.beside("MLServer", of(&|[theirs, _]| theirs.rate())));
        let times = of(&|[theirs, ours]| ours.rate() / theirs.rate());
        let measure = Measure::plain("rows here over MLServer's", "times", times);
        measures.push(measure.with_goal(Goal::AtLeast(50.0)));
        let p99 = of(&|[_, ours]| ours.microseconds(990));
        let measure = Measure::plain("a row over inference v2, p99", "us", p99);
        measures.push(measure.beside("MLServer", of(&|[theirs, _]| theirs.microseconds(990))));
    }
    Ok(())
}

/// What is asked for over REST: what a unary call over gRPC asks for.
fn rest_path() -> Result<String> {
    let symbol = household::symbols()?.first().context("a pair")?.to_string();
    Ok(format!("/predict/{symbol}"))
}

async fn rest(
    options: &Options,
    server: &Server,
    process: &Pinned,
    measures: &mut Vec<Measure>,
) -> Result<()> {
    let path = rest_path()?;
    let for_long = Duration::from_secs_f64(options.seconds);
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        rounds.push(process.during(http::closed(server.addresses()?[1], &path, 16, for_long)).await?);
    }
    let of = |figure: &dyn Fn(&(Found, Duration)) -> f64| median(rounds.iter().map(figure).collect());
    measures.push(Measure::plain("REST, 16 connections, calls", "calls/s", of(&|(found, _)| found.rate())));
    let cost = of(&|(found, cpu)| found.cpu_a_call(*cpu));
    measures.push(Measure::plain("REST, CPU a call", "us", cost));
    measures.push(Measure::plain("REST, p99", "us", of(&|(found, _)| found.microseconds(990))));
    Ok(())
}
