//! `drift`.

use std::path::PathBuf;

use clap::Args;

use crate::time::TimeArgument;

/// `drift`.
#[derive(Debug, Clone, Args)]
pub struct DriftArguments {
    /// Compare so many days before the end.
    #[arg(long, default_value_t = 30, conflicts_with = "from", value_parser = clap::value_parser!(u32).range(1..))]
    pub days: u32,
    /// The first bar to compare [default: --days before the last].
    #[arg(long)]
    pub from: Option<TimeArgument>,
    /// The last bar to compare [default: the last that there is].
    #[arg(long)]
    pub until: Option<TimeArgument>,
    /// The first bar to compare with [default: that of the champion's training window].
    #[arg(long, requires = "reference_until")]
    pub reference_from: Option<TimeArgument>,
    /// The last bar to compare with [default: that of the champion's training window].
    #[arg(long, requires = "reference_from")]
    pub reference_until: Option<TimeArgument>,
    /// Folder of the reports [default: training/drift in the home].
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}
