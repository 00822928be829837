//! `cargo xtask`: see [`xtask`].

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{bench, fuzz, goldens, run, simulate, tidy};

/// klinecast's automation.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job: an exchange, training, serving, live forecasts. `scripts/run` sets up and builds, then calls it.
    Run(run::Options),
    /// Checks what no compiler checks: imports between rooms, sizes, banned words, the map.
    Tidy,
    /// Remakes the golden files with the original tools (TA-Lib, LightGBM, XGBoost).
    Goldens(goldens::Options),
    /// Measures one suite.
    Bench(bench::Options),
    /// Simulates days of a misbehaving exchange.
    Simulate(simulate::Options),
    /// Fuzzes one room for as long as you like.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Tidy => tidy::report(),
        Command::Goldens(options) => goldens::make(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
