//! Measurements: `cargo xtask bench SUITE` runs them, optimised.

mod callgrind;
mod clock;
mod features;
mod forest;
mod household;
mod instructions;
mod latencies;
mod live;
mod process;
mod report;
mod restart;
mod serve;
mod train;

use clap::{Parser, Subcommand};

/// Measures.
#[derive(Debug, Parser)]
#[command(name = "benches")]
struct Arguments {
    #[command(subcommand)]
    suite: Suite,
}

#[derive(Debug, Subcommand)]
enum Suite {
    /// What features cost.
    Features(features::Options),
    /// What scoring and explaining cost.
    Forest(forest::Options),
    /// What a live kline costs on its way in.
    Live(live::Options),
    /// What a restart costs.
    Restart(restart::Options),
    /// What a request costs.
    Serve(serve::Options),
    /// What a training run costs.
    Train(train::Options),
    /// A gRPC server that does nothing, to compare with.
    #[command(hide = true)]
    Echo(serve::EchoOptions),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().suite {
        Suite::Features(options) => features::run(&options),
        Suite::Forest(options) => forest::run(&options),
        Suite::Live(options) => live::run(&options).await,
        Suite::Restart(options) => restart::run(&options).await,
        Suite::Serve(options) => serve::run(&options).await,
        Suite::Train(options) => train::run(&options),
        Suite::Echo(options) => serve::echo(&options).await,
    }
}
