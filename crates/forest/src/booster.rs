use std::fmt;

use crate::{Limits, LoadError, RowError};

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

/// One LightGBM or XGBoost model, checked at load, that answers the original library's bits.
#[derive(Debug, Clone)]
pub struct Booster {
    library: Library,
    objective: String,
    feature_names: Vec<String>,
    output_count: usize,
    tree_count: usize,
}

impl Booster {
    /// Reads a LightGBM text model.
    pub fn from_lightgbm_text(bytes: &[u8], limits: &Limits) -> Result<Booster, LoadError> {
        let _ = (bytes, limits);
        Err(LoadError::Unsupported { what: "the skeleton".to_owned() })
    }

    /// Reads an XGBoost UBJSON model.
    pub fn from_xgboost_ubjson(bytes: &[u8], limits: &Limits) -> Result<Booster, LoadError> {
        let _ = (bytes, limits);
        Err(LoadError::Unsupported { what: "the skeleton".to_owned() })
    }

    /// The library that trained the model.
    pub fn library(&self) -> Library {
        self.library
    }

    /// How many values a row has.
    pub fn feature_count(&self) -> usize {
        self.feature_names.len()
    }

    /// How many values an answer has: 1, or the number of classes.
    pub fn output_count(&self) -> usize {
        self.output_count
    }

    /// How many trees the model has, over all classes.
    pub fn tree_count(&self) -> usize {
        self.tree_count
    }

    /// The features' names, in the order of a row.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// The objective by the library's own name.
    pub fn objective(&self) -> &str {
        &self.objective
    }

    /// Writes the raw score (before the link function) of one row.
    pub fn margin(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.predict_batch(row, out)
    }

    /// Writes the prediction (after the link function) of one row.
    pub fn predict(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.predict_batch(row, out)
    }

    /// Writes the raw scores of rows that lie one after another.
    pub fn margin_batch(&self, rows: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.predict_batch(rows, out)
    }

    /// Writes the predictions of rows that lie one after another.
    pub fn predict_batch(&self, rows: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        let _ = rows;
        Err(RowError::OutputWidth { expected: 0, found: out.len() })
    }
}
