//! `promote`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use store::Stage;

/// `promote`.
#[derive(Debug, Clone, Default, Args)]
pub struct PromoteArguments {
    /// The version in the registry [default: the newest].
    #[arg(long)]
    pub version: Option<u32>,
    /// Where to: staging takes the gates that need no champion and makes it the challenger, production takes all of them and makes
    /// it the champion. What was there before is archived.
    #[arg(long, value_enum, default_value_t)]
    pub to: PromoteTo,
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

/// A stage that evidence leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PromoteTo {
    /// To be watched.
    Staging,
    /// To be served.
    #[default]
    Production,
}

impl PromoteTo {
    /// As the registry knows it.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::Staging => Stage::Staging,
            Self::Production => Stage::Production,
        }
    }
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
