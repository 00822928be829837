//! `version`.

use std::path::PathBuf;

use clap::Args;

/// `version`.
#[derive(Debug, Clone, Default, Args)]
pub struct VersionArguments {
    /// Commit the klines to this git repository, made if it is not there, so that stock DVC restores them: `git clone`, `dvc pull`.
    #[arg(long, value_name = "DIR", env = "DVC_REPOSITORY")]
    pub dvc: Option<PathBuf>,
    /// Where DVC fetches from: a folder, which is filled; or s3://bucket/path, which `dvc push` fills.
    #[arg(long, env = "DVC_REMOTE_URL", default_value = "", hide_default_value = true, requires = "dvc")]
    pub dvc_remote_url: String,
}
