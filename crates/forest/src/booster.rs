use crate::error::{check_batch, check_features, check_room};
use crate::model::Head;
use crate::score::Form;
use crate::score::scores::Scores;
use crate::{FeatureError, Library, Limits, LoadError, Model, RowError};

/// One LightGBM or XGBoost model in the form in which this machine scores it fastest; it answers the original
/// library's bits.
///
/// Nothing is allocated while scoring, and nothing panics: whatever the loader let pass can be scored.
#[derive(Debug, Clone)]
pub struct Booster {
    head: Head,
    form: Form,
    tree_count: usize,
    node_count: usize,
}

impl Booster {
    /// Chooses the form of a model.
    pub fn new(model: &Model) -> Booster {
        let head = model.head.clone();
        let (tree_count, node_count) = (model.tree_count(), model.node_count());
        Booster { head, form: Form::new(model), tree_count, node_count }
    }

    /// Reads a LightGBM text model.
    ///
    /// # Errors
    /// As [`Model::from_lightgbm_text`].
    pub fn from_lightgbm_text(bytes: &[u8], limits: &Limits) -> Result<Booster, LoadError> {
        Model::from_lightgbm_text(bytes, limits).map(|model| Booster::new(&model))
    }

    /// Reads an XGBoost model in UBJSON.
    ///
    /// # Errors
    /// As [`Model::from_xgboost_ubjson`].
    pub fn from_xgboost_ubjson(bytes: &[u8], limits: &Limits) -> Result<Booster, LoadError> {
        Model::from_xgboost_ubjson(bytes, limits).map(|model| Booster::new(&model))
    }

    /// Reads an XGBoost model in JSON.
    ///
    /// # Errors
    /// As [`Model::from_xgboost_json`].
    pub fn from_xgboost_json(bytes: &[u8], limits: &Limits) -> Result<Booster, LoadError> {
        Model::from_xgboost_json(bytes, limits).map(|model| Booster::new(&model))
    }

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
        self.tree_count
    }

    /// How many nodes (splits and leaves) the model has, over all trees.
    pub fn node_count(&self) -> usize {
        self.node_count
    }

    /// How many bytes the nodes, leaf values and thresholds take.
    pub fn bytes(&self) -> usize {
        self.form.bytes()
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

    /// Writes the raw score of one row, before the link function: the bits of the original's
    /// `predict(..., raw_score=True)` (LightGBM) or `predict(..., output_margin=True)` (XGBoost, f32 widened).
    ///
    /// A missing value is NaN. XGBoost's values are rounded to f32 first, as the original does.
    ///
    /// # Errors
    /// A [`RowError`] if `row` hasn't [`Booster::feature_count`] or `out` not [`Booster::output_count`] values.
    pub fn margin(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.head.check_row(row, out)?;
        self.form.margins(&self.head, row, Scores::dense(out, self.output_count()));
        Ok(())
    }

    /// Writes the prediction of one row, after the link function: the bits of the original's `predict`.
    ///
    /// Binary models answer one value, the probability of class 1; multi-class models one probability for each
    /// class (`multi:softmax` too, where the original answers the class alone); XGBoost's f32 are widened.
    ///
    /// # Errors
    /// As [`Booster::margin`].
    pub fn predict(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.margin(row, out)?;
        self.head.transform(out);
        Ok(())
    }

    /// Writes the raw scores of rows that lie one after another, row by row.
    ///
    /// # Errors
    /// A [`RowError`] if `rows` is no whole number of rows or `out` hasn't room for exactly their answers.
    pub fn margin_batch(&self, rows: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        let count = check_batch(rows.len(), self.feature_count())?;
        check_room(out.len(), count * self.output_count())?;
        self.form.margins(&self.head, rows, Scores::dense(out, self.output_count()));
        Ok(())
    }

    /// Writes the predictions of rows that lie one after another, row by row.
    ///
    /// # Errors
    /// As [`Booster::margin_batch`].
    pub fn predict_batch(&self, rows: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.margin_batch(rows, out)?;
        for scores in out.chunks_exact_mut(self.output_count()) {
            self.head.transform(scores);
        }
        Ok(())
    }
}
