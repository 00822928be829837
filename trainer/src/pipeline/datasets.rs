//! The klines of a data version, kept and brought back.

use std::time::Instant;

use serde_json::json;

use super::{Klines, Pipeline};
use crate::version::{self, DataVersion};
use crate::{Result, TrainerError, datasets, ingest, report};

impl Pipeline {
    /// Keeps the klines of a data version where the settings say, if they do.
    pub(super) fn keep_dataset(&self, klines: &Klines, version: &DataVersion) -> Result<()> {
        let Some(store) = &self.datasets else { return Ok(()) };
        let started = Instant::now();
        let found = datasets::keep(store.as_ref(), klines, self.interval, version)?;
        self.console.report("dataset", started, &found, || {
            let (files, megabytes) = (found.files, found.bytes as f64 / 1e6);
            let was = if found.new { "" } else { ", as it was kept before" };
            format!("{} in {}: {files} files, {megabytes:.1} MB{was}\n", found.dataset, found.place)
        });
        Ok(())
    }

    /// Brings the klines of a kept data version into the store.
    pub(super) fn restore(&self, name: &str) -> Result<()> {
        let started = Instant::now();
        let store = self.datasets.as_ref().ok_or(TrainerError::NoDatasets)?;
        let digest = datasets::named(store.as_ref(), name)?;
        let (interval, klines) = datasets::fetch(store.as_ref(), digest)?;
        let symbols: Vec<_> = klines.keys().copied().collect();
        let source = format!("dataset {digest}");
        let found = ingest::keep(&self.home, klines, &source, interval, &self.console)?;
        let kept = ingest::kept_klines(&self.home, &symbols, interval)?.klines;
        let (wanted, now) = (format!("sha256:{digest}"), version::data_version(&kept, interval).version);
        let told = json!({ "dataset": wanted, "data_version": now, "symbols": found });
        self.console.report("restore", started, &told, || report::ingested(&found));
        if now != wanted {
            self.console.warn(&format!(
                "the store has other klines of these markets beside those of {wanted}, together they are {now}; restore into \
                 an empty home to have it alone, or give --klines-until"
            ));
        }
        Ok(())
    }
}
