//! Exact TreeSHAP: how much each feature of a row moves its raw score away from the model's expected value.

mod plan;
mod quadrature;
mod reading;
mod walk;

use std::sync::Arc;

use self::plan::Plan;
use crate::Model;
use crate::error::{ExplainError, RowError};

/// Rows that pass a tree together, while its splits stay in the first-level cache.
const ROWS: usize = 8;

/// Attributes raw scores to features, exactly: made once for a model by [`Model::explainer`].
///
/// Holds its own form of the model and the memory that an explanation needs, so that none is allocated for a
/// row. A clone shares the model's form and has memory of its own, for another thread.
#[derive(Debug, Clone)]
pub struct Explainer {
    plan: Arc<Plan>,
    /// The values of up to [`ROWS`] rows as the plan's columns read them, row by row.
    values: Vec<f64>,
    scratch: walk::Scratch,
}

impl Model {
    /// Prepares the explanation of rows by SHAP values (Lundberg and Lee 2017; TreeSHAP, arXiv:1802.03888,
    /// with the ways not taken weighed by the training data's covers).
    ///
    /// # Errors
    /// An [`ExplainError`] that names the tree if the model file has no covers (LightGBM's `internal_count` and
    /// `leaf_count`, XGBoost's `sum_hessian`) or covers that can't weigh anything.
    pub fn explainer(&self) -> Result<Explainer, ExplainError> {
        let plan = Plan::new(self)?;
        let values = vec![0.0; ROWS * plan.column_count()];
        let scratch = walk::Scratch::new(&plan);
        Ok(Explainer { plan: Arc::new(plan), values, scratch })
    }
}

impl Explainer {
    /// How many values an explanation has: for each output one for each feature, then the expected value.
    pub fn contribution_count(&self) -> usize {
        self.plan.output_count() * (self.plan.feature_count + 1)
    }

    /// Writes what each feature of one row contributes to its raw scores, in the order of LightGBM's
    /// `predict(..., pred_contrib=True)` and, flattened, XGBoost's `predict(..., pred_contribs=True)`: for each
    /// output the features' contributions, then the expected value of the raw score.
    ///
    /// The values of an output add up to [`Model::margin`], up to the rounding of either. All arithmetic is
    /// f64; XGBoost's own answers are rounded to f32 at each step. NaN and infinities in the row are values
    /// like others.
    ///
    /// # Errors
    /// A [`RowError`] if `row` hasn't the model's feature count or `out` not
    /// [`Explainer::contribution_count`] values.
    pub fn contributions(&mut self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        let expected = self.plan.feature_count;
        if row.len() != expected {
            return Err(RowError::RowWidth { expected, found: row.len() });
        }
        self.contributions_batch(row, out)
    }

    /// Writes the contributions of rows that lie one after another, row by row: faster than one by one, and
    /// the same bits.
    ///
    /// # Errors
    /// A [`RowError`] if `rows` is no whole number of rows or `out` hasn't room for exactly their answers.
    pub fn contributions_batch(&mut self, rows: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        let width = self.plan.feature_count;
        if !rows.len().is_multiple_of(width) {
            return Err(RowError::BatchWidth { expected: width, found: rows.len() });
        }
        let answer = self.contribution_count();
        let expected = rows.len() / width * answer;
        if out.len() != expected {
            return Err(RowError::OutputWidth { expected, found: out.len() });
        }
        let column_count = self.plan.column_count();
        for (rows, answers) in rows.chunks(ROWS * width).zip(out.chunks_mut(ROWS * answer)) {
            let row_count = rows.len() / width;
            for (index, row) in rows.chunks_exact(width).enumerate() {
                let values = &mut self.values[index * column_count..(index + 1) * column_count];
                self.plan.columns.read(row, values);
            }
            self.plan.explain(&self.values[..row_count * column_count], answers, &mut self.scratch);
        }
        Ok(())
    }
}
