//! The data version as a stage, and as a commit.

use std::time::Instant;

use super::{Klines, Pipeline};
use crate::Result;
use crate::args::VersionArguments;
use crate::dvc::{self, Remote};
use crate::version::{self, DataVersion};

impl Pipeline {
    pub(super) fn version(&self, klines: &Klines) -> Result<DataVersion> {
        let started = Instant::now();
        let found = version::data_version(klines, self.interval);
        self.console
            .report("version", started, &found, || format!("{} ({} klines)\n", found.version, found.klines));
        self.keep_dataset(klines, &found)?;
        Ok(found)
    }

    pub(super) fn version_alone(&self, arguments: &VersionArguments) -> Result<()> {
        let klines = self.klines()?;
        let version = self.version(&klines)?;
        let Some(folder) = &arguments.dvc else { return Ok(()) };
        let started = Instant::now();
        let remote = Remote::of(&arguments.dvc_remote_url)?;
        let found = dvc::commit(folder, &remote, &klines, self.interval, &version)?;
        self.console.report("dvc", started, &found, || {
            let megabytes = found.bytes as f64 / 1e6;
            let was = if found.new { "" } else { ", as it was committed before" };
            format!(
                "commit {}, tag {}: {} files, {megabytes:.1} MB{was}\n",
                found.commit, found.tag, found.files
            )
        });
        if let Remote::Address(address) = &remote {
            self.console.warn(&format!("{address} is filled by `dvc push` in {}", folder.display()));
        }
        Ok(())
    }
}
