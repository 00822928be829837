//! `prune`.

use clap::Args;

/// `prune`.
#[derive(Debug, Clone, Args)]
pub struct PruneArguments {
    /// Keep the newest so many runs, datasets and versions with their bundles, however old they are; and of MLflow's runs.
    #[arg(long, default_value_t = 10)]
    pub keep: usize,
    /// Keep what is younger than so many days.
    #[arg(long, default_value_t = 30)]
    pub days: u32,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
}
