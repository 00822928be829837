//! `train`, `search` and `evaluate`.

use std::path::PathBuf;

use clap::Args;
use forecast::Task;

use super::{LeaveOutArguments, SuiteArguments, WindowArguments};
use crate::Result;
use crate::audit;
use crate::half_life::HalfLife;
use crate::left_out::LeftOut;
use crate::machine::cores;
use crate::time::TimeArgument;
use crate::train::recipe::{Effort, Shapes};
use crate::train::{Library, Part};

/// How hard to try.
#[derive(Debug, Clone, Args)]
pub struct EffortArguments {
    /// Seed of everything random: the same data and seed give the same bundle.
    #[arg(long, default_value_t = audit::DEFAULT_SEED)]
    pub seed: u64,
    /// The most rounds of any booster [default: each task's own bound].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Walk-forward folds: what the models answer to them, unseen, sets rounds, calibration, stacking and bands.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub folds: u16,
    /// File of shapes in place of the standard ones, as search writes it; how many it tried is recorded, and tests on the test
    /// window are deflated by it.
    #[arg(long, value_name = "FILE")]
    pub shapes: Option<PathBuf>,
    /// Days after which a row counts half as much as the newest one learned from, in every fold and at the end [default: all rows
    /// count the same].
    #[arg(long, value_name = "DAYS")]
    pub half_life: Option<HalfLife>,
    /// What the boosters are not shown.
    #[command(flatten)]
    pub leave_out: LeaveOutArguments,
    /// Threads of the libraries; the bundle does not depend on it [default: all cores].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
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
    /// Take over what the champion's training has settled (rounds, parameters, shares, calibration, stacking, bands) and fit the
    /// boosters anew on the klines of now: no walk, about a quarter of the time. For the days between two whole trainings.
    #[arg(long, conflicts_with_all = ["seed", "rounds", "folds", "shapes", "half_life", "leave_out", "leave_out_file"])]
    pub refit: bool,
    /// Begin anew: take up neither a run that was interrupted nor boosters that were fitted before.
    #[arg(long)]
    pub fresh: bool,
}

/// `train` on its own.
#[derive(Debug, Clone, Args)]
pub struct TrainAloneArguments {
    /// What to train on and how hard to try.
    #[command(flatten)]
    pub train: TrainArguments,
    /// One part alone.
    #[command(flatten)]
    pub part: PartArguments,
}

/// One part of training alone, beside others of its kind; a following `train` takes up what they fitted.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct PartArguments {
    /// Fit this task's boosters alone.
    #[arg(long, requires = "library", conflicts_with = "refit")]
    pub task: Option<Task>,
    /// Of this library alone.
    #[arg(long, requires = "task")]
    pub library: Option<Library>,
    /// Of this fold of the walk alone, from 1 on; without it of all folds, and the final booster.
    #[arg(long, requires = "task")]
    pub fold: Option<usize>,
    /// The part by its number, from 0 on, in place of task and library: tasks in their order, of each LightGBM first. For Jobs
    /// with an index.
    #[arg(long, conflicts_with_all = ["task", "library", "fold", "refit"], value_parser = numbered)]
    pub part: Option<Part>,
}

impl PartArguments {
    /// The part, if one was named.
    #[must_use]
    pub fn part(self) -> Option<Part> {
        let named = self.task.zip(self.library);
        self.part.or(named.map(|(task, library)| Part { task, library, fold: self.fold }))
    }
}

fn numbered(text: &str) -> std::result::Result<Part, String> {
    let part = text.parse().ok().and_then(Part::numbered);
    part.ok_or_else(|| format!("give a number from 0 to {}", Part::COUNT - 1))
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
    /// The features that boosters are not shown.
    ///
    /// # Errors
    /// When a name is none of the catalogue's, all are named, or the file can't be read.
    pub fn left_out(&self) -> Result<LeftOut> {
        self.leave_out.left_out()
    }

    /// The effort, with all cores if no number of threads was given.
    ///
    /// # Errors
    /// When a file of shapes can't be read.
    pub fn effort(&self) -> Result<Effort> {
        Ok(Effort {
            seed: self.seed,
            threads: self.threads.map_or_else(cores, usize::from),
            rounds_max: self.rounds.map(|rounds| rounds as usize),
            folds: usize::from(self.folds),
            half_life: self.half_life,
            shapes: self.shapes.as_deref().map_or_else(|| Ok(Shapes::default()), Shapes::read)?,
        })
    }
}

/// `search`.
#[derive(Debug, Clone, Args)]
pub struct SearchArguments {
    /// The task.
    #[arg(long)]
    pub task: Task,
    /// How many shapes are tried, by all processes that search together.
    #[arg(long, default_value_t = 40)]
    pub trials: usize,
    /// The windows.
    #[command(flatten)]
    pub windows: WindowArguments,
    /// How hard to try; with --shapes the search begins with these.
    #[command(flatten)]
    pub effort: EffortArguments,
}
