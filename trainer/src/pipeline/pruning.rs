//! `prune`.

use std::time::Instant;

use super::Pipeline;
use crate::Result;
use crate::args::PruneArguments;
use crate::clock::now;
use crate::prune::{Keeping, prune};

impl Pipeline {
    pub(super) fn prune(&self, arguments: &PruneArguments) -> Result<()> {
        let started = Instant::now();
        let keeping = Keeping { newest: arguments.keep, days: arguments.days };
        let found = prune(&self.home, self.datasets.as_deref(), keeping, now(), arguments.dry_run)?;
        let verb = if arguments.dry_run { "would be removed" } else { "removed" };
        self.console.report("prune", started, &found, || {
            let bundles = found.bundles.iter().map(|(bundle, version)| {
                let version = version.map_or_else(String::new, |version| format!("version {version}, "));
                format!("{version}bundle {bundle} {verb}\n")
            });
            let runs = found.runs.iter().map(|run| format!("run {run} {verb}\n"));
            let datasets = found.datasets.iter().map(|dataset| format!("dataset {dataset} {verb}\n"));
            let boosters = found
                .boosters
                .iter()
                .map(|(name, version)| format!("{name} version {version} in MLflow {verb}\n"));
            let mlflow_runs = found.mlflow_runs.iter().map(|run| format!("run {run} in MLflow {verb}\n"));
            let text: String =
                runs.chain(bundles).chain(datasets).chain(boosters).chain(mlflow_runs).collect();
            if text.is_empty() { "nothing is old enough\n".to_owned() } else { text }
        });
        for version in &found.served {
            self.console.warn(&format!(
                "version {version} was served: without its bundle what the journal has of it can't be replayed"
            ));
        }
        Ok(())
    }
}
