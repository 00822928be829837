//! Measurements over the wire. `cargo xtask bench serve` runs it, optimised; it needs a running server.

mod latencies;
mod serve;

use clap::{Parser, Subcommand};

/// Measures a running server.
#[derive(Debug, Parser)]
#[command(name = "benches")]
struct Arguments {
    #[command(subcommand)]
    suite: Suite,
}

#[derive(Debug, Subcommand)]
enum Suite {
    /// Latency and throughput of unary predictions.
    Serve(serve::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().suite {
        Suite::Serve(options) => serve::run(&options).await,
    }
}
