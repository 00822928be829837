//! `features`, and which of them are left out.

use std::path::PathBuf;

use clap::Args;

use super::WindowArguments;
use crate::Result;
use crate::left_out::{LeftOut, read_names};

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
    /// Make no rows: show the features that the database knows (kind, unit, warm-up, inputs), and how each was distributed over the
    /// rows that were last validated.
    #[arg(long, conflicts_with_all = ["parquet", "feast", "rank"])]
    pub catalogue: bool,
    /// Of this data version, as `version` names it.
    #[arg(long, requires = "catalogue")]
    pub data_version: Option<String>,
    /// The ranking in their place.
    #[command(flatten)]
    pub rank: RankArguments,
}

/// `features --rank`.
#[derive(Debug, Clone, Default, Args)]
pub struct RankArguments {
    /// Make no rows: rank the features by their share of the gain in the boosters of the last training's folds, by task.
    #[arg(long, conflicts_with_all = ["parquet", "feast"])]
    pub rank: bool,
    /// Write the names of the weak features to this file, for train --leave-out-file.
    #[arg(long, value_name = "FILE", requires = "rank")]
    pub weak: Option<PathBuf>,
    /// A feature is weak whose share of the gain is below this in every task.
    #[arg(long, value_name = "SHARE", requires = "weak", default_value_t = 0.001)]
    pub weak_below: f64,
}

/// What the boosters are not shown; rows, bundle and server stay as they are.
#[derive(Debug, Clone, Default, Args)]
pub struct LeaveOutArguments {
    /// Features that the boosters are not shown, with commas between them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub leave_out: Vec<String>,
    /// File with the names of further ones, one a line; features --rank --weak writes one.
    #[arg(long, value_name = "FILE")]
    pub leave_out_file: Option<PathBuf>,
}

impl LeaveOutArguments {
    /// Their columns.
    ///
    /// # Errors
    /// When a name is none of the catalogue's, all are named, or the file can't be read.
    pub fn left_out(&self) -> Result<LeftOut> {
        let of_file = self.leave_out_file.as_deref().map(read_names).transpose()?.unwrap_or_default();
        LeftOut::of(self.leave_out.iter().chain(&of_file).map(String::as_str))
    }
}
