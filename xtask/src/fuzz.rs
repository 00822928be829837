//! The fuzzers, run for longer than the tests run them.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::repository;

/// What to fuzz, and how long.
#[derive(Debug, Args)]
pub struct Options {
    /// The room.
    room: Room,
    /// How long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What all choices follow from; the same seed makes the same cases in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A room that has a fuzzer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Room {
    /// The model readers and scorers.
    Forest,
}

/// Fuzzes one room. The dev profile optimises it, with overflow checks and debug assertions.
///
/// # Errors
/// When it does not build, or a case fails; its number stands above.
pub fn run(options: &Options) -> Result<()> {
    let Room::Forest = options.room;
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(repository::root())
        .args([
            "test",
            "--quiet",
            "--package",
            "forest",
            "--test",
            "fuzz",
            "damaged_models",
            "--",
            "--nocapture",
        ])
        .env("FOREST_FUZZ_SECONDS", options.seconds.to_string())
        .env("FOREST_FUZZ_SEED", options.seed.to_string())
        .env_remove("FOREST_FUZZ_CASE")
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("a case failed ({status}); how to run it alone stands above");
    }
    Ok(())
}
