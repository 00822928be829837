//! `features`, `train` and `evaluate`.

use std::path::PathBuf;

use clap::Args;

use super::{SuiteArguments, WindowArguments, cores};
use crate::audit;
use crate::time::TimeArgument;
use crate::train::recipe::Effort;

/// How hard to try.
#[derive(Debug, Clone, Args)]
pub struct EffortArguments {
    /// Seed of everything random: the same data and seed give the same bundle.
    #[arg(long, default_value_t = audit::DEFAULT_SEED)]
    pub seed: u64,
    /// The most rounds of any booster [default: each task's own bound].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Threads of the libraries; the bundle does not depend on it [default: all cores].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// `features`.
#[derive(Debug, Clone, Default, Args)]
pub struct FeaturesArguments {
    /// The windows.
    #[command(flatten)]
    pub windows: WindowArguments,
    /// Write rows and outcomes to this file.
    #[arg(long)]
    pub parquet: Option<PathBuf>,
    /// Write the rows from the train window's first bar to the test window's last into this folder, as a repository of Feast's.
    #[arg(long, value_name = "DIR")]
    pub feast: Option<PathBuf>,
}

/// `train`.
#[derive(Debug, Clone, Args)]
pub struct TrainArguments {
    /// The windows.
    #[command(flatten)]
    pub windows: WindowArguments,
    /// How hard to try.
    #[command(flatten)]
    pub effort: EffortArguments,
    /// What the data has to be like.
    #[command(flatten)]
    pub suite: SuiteArguments,
}

/// `evaluate`.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArguments {
    /// How often days are drawn again for the intervals.
    #[arg(long, default_value_t = 500)]
    pub resamples: usize,
    /// Stop when a figure is beyond what the task allows on a real market.
    #[arg(long)]
    pub strict: bool,
}

/// `evaluate` on its own.
#[derive(Debug, Clone, Args)]
pub struct EvaluateAloneArguments {
    /// How to evaluate.
    #[command(flatten)]
    pub evaluate: EvaluateArguments,
    /// Another first bar to test on, after the tuning window; the figures are then printed only.
    #[arg(long)]
    pub test_from: Option<TimeArgument>,
    /// Another last bar to test on; the klines may have grown since training.
    #[arg(long)]
    pub test_until: Option<TimeArgument>,
}

impl EffortArguments {
    /// The effort, with all cores if no number of threads was given.
    #[must_use]
    pub fn effort(&self) -> Effort {
        Effort {
            seed: self.seed,
            threads: self.threads.map_or_else(cores, usize::from),
            rounds_max: self.rounds.map(|rounds| rounds as usize),
        }
    }
}
