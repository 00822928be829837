//! `lineage`.

use clap::Args;

/// `lineage`.
#[derive(Debug, Clone, Default, Args)]
pub struct LineageArguments {
    /// A version of the registry, or a kept bundle's digest or the beginning of it [default: the champion].
    pub model: Option<String>,
}
