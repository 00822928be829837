//! `models`.

use std::time::Instant;

use super::Pipeline;
use crate::Result;
use crate::models::{models, models_table};

impl Pipeline {
    pub(super) fn models(&self) -> Result<()> {
        let started = Instant::now();
        let found = models(self.home.registry())?;
        self.console.report("models", started, &found, || models_table(&found));
        Ok(())
    }
}
