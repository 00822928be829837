//! `promote`.

use std::path::PathBuf;

use clap::Args;

/// `promote`.
#[derive(Debug, Clone, Default, Args)]
pub struct PromoteArguments {
    /// The version in the registry [default: the newest].
    #[arg(long)]
    pub version: Option<u32>,
    /// What it has to pass.
    #[command(flatten)]
    pub gates: GateArguments,
    /// Judge it, fail if it does not pass, and leave the champion as it is.
    #[arg(long)]
    pub dry_run: bool,
    /// Print the standard gates, as a file to start from.
    #[arg(long, exclusive = true)]
    pub print_gates: bool,
}

/// What a model has to pass before it becomes the champion.
#[derive(Debug, Clone, Default, Args)]
pub struct GateArguments {
    /// File of gates [default: the standard ones, see promote --print-gates].
    #[arg(long, value_name = "FILE")]
    pub gates: Option<PathBuf>,
    /// Promote it even if it does not pass; the registry keeps which gates it did not.
    #[arg(long)]
    pub force: bool,
}
