//! `journal`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::time::TimeArgument;

/// What to do with the journal.
#[derive(Debug, Clone, Subcommand)]
pub enum JournalCommand {
    /// Write the journal as Parquet, for each UTC day a file of predictions and one of outcomes. A later run writes only what has
    /// grown since. What is exported the server may drop (journal.keep_days).
    Export(ExportArguments),
}

/// `journal export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArguments {
    /// Folder of the files; made if it is not there.
    #[arg(long)]
    pub to: PathBuf,
    /// The first day (2024-09-06, or any time in it) [default: the first that is kept].
    #[arg(long)]
    pub from: Option<TimeArgument>,
    /// The last day [default: the last one; its files grow with the next export].
    #[arg(long)]
    pub until: Option<TimeArgument>,
}
