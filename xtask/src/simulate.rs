//! The simulation of a misbehaving exchange, optimised.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::repository;

/// What the simulation itself takes; `cargo xtask simulate --help` lists it.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Options {
    /// Options of the simulation, for example `--seeds 40 --days 10 --faults each`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the simulation.
///
/// # Errors
/// When it does not build, or one seed ends wrong; how to run it alone stands above.
pub fn run(options: &Options) -> Result<()> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(repository::root())
        .args(["run", "--quiet", "--release", "--package", "simulation", "--"])
        .args(&options.arguments)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("the simulation failed ({status})");
    }
    Ok(())
}
