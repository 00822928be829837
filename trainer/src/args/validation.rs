//! `validate`.

use std::path::PathBuf;

use clap::Args;

use super::WindowArguments;

/// What klines, features and outcomes have to be like.
#[derive(Debug, Clone, Default, Args)]
pub struct SuiteArguments {
    /// File of expectations [default: the standard ones, see validate --print-suite].
    #[arg(long, value_name = "FILE")]
    pub suite: Option<PathBuf>,
}

/// `validate`.
#[derive(Debug, Clone, Default, Args)]
pub struct ValidateArguments {
    /// The windows.
    #[command(flatten)]
    pub windows: WindowArguments,
    /// The expectations.
    #[command(flatten)]
    pub suite: SuiteArguments,
    /// Print the standard expectations, as a file to start from.
    #[arg(long, exclusive = true)]
    pub print_suite: bool,
}
