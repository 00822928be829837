use std::fmt;

use crate::error::{check_features, check_room, check_width};
use crate::link::Link;
use crate::score::reference;
use crate::tree::Tree;
use crate::{FeatureError, RowError};

/// The library that trained a model, whose arithmetic is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Library {
    /// microsoft/LightGBM: `<=` on f64, sums in f64.
    LightGbm,
    /// dmlc/xgboost: `<` on f32, sums in f32.
    XgBoost,
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Library::LightGbm => "LightGBM",
            Library::XgBoost => "XGBoost",
        })
    }
}

/// One LightGBM or XGBoost model as its file says it, checked: what fast scorers ([`Booster`](crate::Booster),
/// [`Ensemble`](crate::Ensemble)) and explainers are made from, and compared with.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) head: Head,
    /// In the order of summation. Every child comes after its parent, every feature and output exists.
    pub(crate) trees: Vec<Tree>,
}

/// All of a model but its trees.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) library: Library,
    pub(crate) objective: String,
    pub(crate) feature_names: Vec<String>,
    /// The sums start from these, one for each output.
    pub(crate) base: Vec<f64>,
    /// LightGBM's random forests divide the sums by this number of iterations before the link.
    pub(crate) average_over: Option<f64>,
    pub(crate) link: Link,
}

impl Head {
    /// Replaces the raw scores of one row by its prediction.
    pub(crate) fn transform(&self, scores: &mut [f64]) {
        if let Some(iterations) = self.average_over {
            for score in &mut *scores {
                *score /= iterations;
            }
        }
        self.link.apply(scores);
    }

    pub(crate) fn check_row(&self, row: &[f64], out: &[f64]) -> Result<(), RowError> {
        check_width(row.len(), self.feature_names.len())?;
        check_room(out.len(), self.base.len())
    }
}

impl Model {
    /// The library that trained the model, whose arithmetic is followed.
    pub fn library(&self) -> Library {
        self.head.library
    }

    /// How many values a row has.
    pub fn feature_count(&self) -> usize {
        self.head.feature_names.len()
    }

    /// How many values an answer has: 1, or the number of classes or targets.
    pub fn output_count(&self) -> usize {
        self.head.base.len()
    }

    /// How many trees the model has, over all outputs.
    pub fn tree_count(&self) -> usize {
        self.trees.len()
    }

    /// How many nodes (splits and leaves) the model has, over all trees.
    pub fn node_count(&self) -> usize {
        self.trees.iter().map(|tree| tree.nodes.len()).sum()
    }

    /// The features' names, in the order of a row: the model's own, or the library's `Column_0` or `f0`.
    pub fn feature_names(&self) -> &[String] {
        &self.head.feature_names
    }

    /// Passes if a row's values, which have these names, are what the model reads, in its order. Without this, rows
    /// of the right width and the wrong order are scored without a word.
    ///
    /// # Errors
    /// A [`FeatureError`] that names the first feature that stands elsewhere or is missing, or the first name too many.
    pub fn check_features<S: AsRef<str>>(&self, names: &[S]) -> Result<(), FeatureError> {
        check_features(&self.head.feature_names, names)
    }

    /// The objective by the library's own name; empty if a LightGBM model was trained with the user's own.
    pub fn objective(&self) -> &str {
        &self.head.objective
    }

    /// Writes the raw score of one row, one tree after the other, one node after the other: the specification of
    /// [`Booster::margin`](crate::Booster::margin), which answers the same bits faster.
    ///
    /// # Errors
    /// A [`RowError`] if `row` hasn't [`Model::feature_count`] or `out` not [`Model::output_count`] values.
    pub fn margin(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.head.check_row(row, out)?;
        reference::margin(self, row, out);
        Ok(())
    }

    /// Writes the prediction of one row, after the link function, as [`Model::margin`] finds it.
    ///
    /// # Errors
    /// As [`Model::margin`].
    pub fn predict(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.margin(row, out)?;
        self.head.transform(out);
        Ok(())
    }
}
