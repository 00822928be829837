//! The feature rows as a stage, and the files that it writes for other tools.

use std::time::Instant;

use super::Pipeline;
use crate::args::FeaturesArguments;
use crate::clock::now;
use crate::split::{Split, Window};
use crate::{Result, catalogue, feast, parquet};

impl Pipeline {
    pub(super) fn features_alone(&self, arguments: &FeaturesArguments) -> Result<()> {
        if arguments.rank.rank {
            return self.rank(&arguments.rank);
        }
        if arguments.catalogue {
            let started = Instant::now();
            let found = catalogue::read(&self.home, arguments.data_version.as_deref())?;
            self.console.report("catalogue", started, &found, || found.table());
            return Ok(());
        }
        let klines = self.klines()?;
        let dataset = self.features(&klines, &arguments.windows)?;
        if let Some(path) = &arguments.parquet {
            parquet::write(&dataset, path)?;
        }
        let Some(folder) = &arguments.feast else { return Ok(()) };
        // A store of features has no embargo: the bars between the windows are rows like others.
        let Split { train, test, .. } = dataset.split;
        let whole = Window { from: train.from, until: test.until };
        drop(dataset);
        let dataset = self.dataset(&klines, Split { train: whole, tune: whole, test: whole })?;
        feast::write(&dataset, folder, now())
    }
}
