//! The measurements that exist so far. Each suite is an example program or bench beside what it measures.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::repository;

/// What to measure.
#[derive(Debug, Args)]
pub struct Options {
    /// The suite.
    suite: Suite,
    /// Also writes JSON lines to this file; the suite `forest` does not yet.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What the suite itself takes; `forest` needs the file of a model.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// A suite that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// What features cost, beside other libraries.
    Features,
    /// What scoring one row costs, per booster.
    Forest,
    /// Latency and throughput of a running server.
    Serve,
}

/// Runs one suite, optimised.
///
/// # Errors
/// When it does not build or fails.
pub fn run(options: &Options) -> Result<()> {
    if options.json.is_some() && options.suite == Suite::Forest {
        bail!("this suite prints a table only; run it without --json");
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository::root()).args(["run", "--quiet", "--release", "--package"]);
    match options.suite {
        Suite::Features => cargo.args(["benches", "--features", "peers", "--", "features"]),
        Suite::Forest => cargo.args(["forest", "--example", "cost_of_a_score", "--"]),
        Suite::Serve => cargo.args(["benches", "--", "serve"]),
    };
    if let Some(file) = &options.json {
        cargo.arg("--json").arg(file);
    }
    let status = cargo.args(&options.arguments).status().context("cannot start cargo")?;
    if !status.success() {
        bail!("the suite failed ({status}); its message stands above");
    }
    Ok(())
}
