//! The canaries as a stage.

use std::time::Instant;

use forecast::{LEAKS_FILE, LeaksCertificate};

use super::Pipeline;
use crate::args::{EffortArguments, LeaksArguments};
use crate::artefact::write_json;
use crate::audit::{audit_leaks, leaks_table};
use crate::dataset::Dataset;
use crate::{Result, TrainerError, version};

impl Pipeline {
    pub(super) fn audit_leaks(&self, arguments: &LeaksArguments) -> Result<()> {
        let klines = self.klines()?;
        let mut dataset = self.dataset(&klines, self.split(&klines, arguments.windows.request())?)?;
        let data_version = version::data_version(&klines, self.interval).version;
        drop(klines);
        self.listen(&mut dataset, data_version, &arguments.effort).map(drop)
    }

    /// Listens to the canaries; keeps what they showed, a leak too, so that nothing passes by an older one.
    pub(super) fn listen(
        &self,
        dataset: &mut Dataset,
        data_version: String,
        effort: &EffortArguments,
    ) -> Result<LeaksCertificate> {
        let started = Instant::now();
        dataset.leave_out(effort.left_out()?)?;
        let found = audit_leaks(dataset, data_version, effort.effort()?, self.console)?;
        write_json(&self.folder().join(LEAKS_FILE), &found)?;
        self.console.report("audit leaks", started, &found, || leaks_table(&found));
        if found.passed {
            return Ok(found);
        }
        let failed = found.canaries.iter().filter(|canary| !canary.passed);
        let told = failed.map(|canary| format!("{} {}", canary.canary, canary.task));
        Err(TrainerError::Leak { canaries: told.collect::<Vec<_>>().join(", ") })
    }
}
