//! hessboost: pure Rust; XGBoost's bits, LightGBM's models in f32.

use std::hint::black_box;

use anyhow::{Context as _, Result, anyhow};
use hessboost::prelude::{BoostedModel, DMatrix, Iterations, ModelFormat};

use crate::forest::subject::Subject;

pub(super) struct Hessboost {
    model: BoostedModel,
    rows: Vec<f32>,
    width: usize,
    outputs: usize,
}

impl Hessboost {
    pub(super) fn new(subject: &Subject) -> Result<Self> {
        let format = ModelFormat::detect(&subject.file).context("hessboost does not know the format")?;
        let model = BoostedModel::decode(&subject.file, format)
            .map_err(|error| anyhow!("hessboost refuses {}: {error}", subject.name))?;
        let rows = subject.rows.iter().map(|value| *value as f32).collect();
        let (width, outputs) = (subject.model.feature_count(), subject.model.output_count());
        Ok(Self { model, rows, width, outputs })
    }

    pub(super) fn margins(&self, batch: usize) {
        let mut out = vec![0.0; self.outputs];
        for rows in self.rows.chunks_exact(batch * self.width) {
            if batch == 1 {
                drop(black_box(self.model.predict_margin_row_into(rows, Iterations::Best, &mut out)));
            } else {
                drop(black_box(self.model.predict_margin_rows(rows, Iterations::Best)));
            }
        }
    }

    /// SHAP values of the first rows, in the order of ours.
    pub(super) fn contributions(&self, batch: usize) -> Result<Vec<f64>> {
        let rows = &self.rows[..batch * self.width];
        let found = DMatrix::from_dense(rows, batch, self.width)
            .and_then(|matrix| self.model.predict_contribs(&matrix, Iterations::Best))
            .map_err(|error| anyhow!("hessboost explains nothing: {error}"))?;
        Ok(found.as_slice().iter().map(|value| f64::from(*value)).collect())
    }
}
