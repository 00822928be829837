use std::fmt;

use crate::load;
use crate::score::bits::{self, Ranking, Ranks, Trees};
use crate::score::packed::{Packed, ROWS};
use crate::score::reference;
use crate::tree::Model;
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
///
/// Nothing is allocated while scoring, and nothing panics: whatever the loader let pass can be scored.
#[derive(Debug, Clone)]
pub struct Booster {
    model: Model,
    packed: Option<Packed>,
    bits: Option<(Ranking, Trees)>,
}

impl Booster {
    /// Reads a LightGBM text model (`Booster.save_model`, `LGBM_BoosterSaveModel`), versions v3 and v4.
    ///
    /// # Errors
    /// A [`LoadError`] that names the place if the bytes are not a model, contradict themselves, use what is
    /// not supported (linear trees, `cross_entropy_lambda`) or exceed the limits.
    pub fn from_lightgbm_text(bytes: &[u8], limits: &Limits) -> Result<Booster, LoadError> {
        load::lightgbm::read(bytes, limits).map(Booster::new)
    }

    /// Reads an XGBoost model in UBJSON (`Booster.save_model("model.ubj")`), as versions 1.6 to 3.2 write it.
    ///
    /// # Errors
    /// A [`LoadError`] that names the place if the bytes are not a model, contradict themselves, use what is
    /// not supported (linear boosters, multi-output trees, other objectives) or exceed the limits.
    pub fn from_xgboost_ubjson(bytes: &[u8], limits: &Limits) -> Result<Booster, LoadError> {
        load::xgboost::read_ubjson(bytes, limits).map(Booster::new)
    }

    /// Reads an XGBoost model in JSON (`Booster.save_model("model.json")`).
    ///
    /// # Errors
    /// As [`Booster::from_xgboost_ubjson`].
    pub fn from_xgboost_json(bytes: &[u8], limits: &Limits) -> Result<Booster, LoadError> {
        load::xgboost::read_json(bytes, limits).map(Booster::new)
    }

    fn new(model: Model) -> Booster {
        let bits = Ranking::new(model.library, &[&model]).filter(|_| bits::is_fast()).and_then(|ranking| {
            let trees = Trees::new(&model, &ranking)?;
            Some((ranking, trees))
        });
        Booster { packed: Packed::new(&model), bits, model }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// The library that trained the model, whose arithmetic is followed.
    pub fn library(&self) -> Library {
        self.model.library
    }

    /// How many values a row has.
    pub fn feature_count(&self) -> usize {
        self.model.feature_names.len()
    }

    /// How many values an answer has: 1, or the number of classes or targets.
    pub fn output_count(&self) -> usize {
        self.model.base.len()
    }

    /// How many trees the model has, over all outputs.
    pub fn tree_count(&self) -> usize {
        self.model.trees.len()
    }

    /// How many nodes (splits and leaves) the model has, over all trees.
    pub fn node_count(&self) -> usize {
        self.model.trees.iter().map(|tree| tree.nodes.len()).sum()
    }

    /// The features' names, in the order of a row: the model's own, or the library's `Column_0` or `f0`.
    pub fn feature_names(&self) -> &[String] {
        &self.model.feature_names
    }

    /// The objective by the library's own name; empty if a LightGBM model was trained with the user's own.
    pub fn objective(&self) -> &str {
        &self.model.objective
    }

    /// Writes the raw score of one row, before the link function: the bits of the original's
    /// `predict(..., raw_score=True)` (LightGBM) or `predict(..., output_margin=True)` (XGBoost, f32 widened).
    ///
    /// A missing value is NaN. XGBoost's values are rounded to f32 first, as the original does.
    ///
    /// # Errors
    /// A [`RowError`] if `row` hasn't [`Booster::feature_count`] or `out` not [`Booster::output_count`] values.
    pub fn margin(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.check_row(row, out)?;
        self.score(row, out);
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
        self.transform(out);
        Ok(())
    }

    /// Writes the raw scores of rows that lie one after another, row by row.
    ///
    /// # Errors
    /// A [`RowError`] if `rows` is no whole number of rows or `out` hasn't room for exactly their answers.
    pub fn margin_batch(&self, rows: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.check_batch(rows, out)?;
        let answers = out.chunks_mut(ROWS * self.output_count());
        for (rows, scores) in rows.chunks(ROWS * self.feature_count()).zip(answers) {
            self.score(rows, scores);
        }
        Ok(())
    }

    /// Writes the predictions of rows that lie one after another, row by row.
    ///
    /// # Errors
    /// As [`Booster::margin_batch`].
    pub fn predict_batch(&self, rows: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.margin_batch(rows, out)?;
        for scores in out.chunks_exact_mut(self.output_count()) {
            self.transform(scores);
        }
        Ok(())
    }

    /// Writes the raw score of one row by the plain scorer, which is the specification of the fast one and
    /// answers the same bits. For tests, benches and audits.
    ///
    /// # Errors
    /// As [`Booster::margin`].
    pub fn margin_by_reference(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        self.check_row(row, out)?;
        reference::margin(&self.model, row, out);
        Ok(())
    }

    /// Writes the leaf that a row reaches in each tree, by the original's numbering (`predict(...,
    /// pred_leaf=True)`), and returns the number of splits passed over all trees.
    ///
    /// # Errors
    /// A [`RowError`] if `row` hasn't [`Booster::feature_count`] or `leaves` not [`Booster::tree_count`] values.
    pub fn leaves(&self, row: &[f64], leaves: &mut [u32]) -> Result<usize, RowError> {
        check_width(row.len(), self.feature_count())?;
        check_room(leaves.len(), self.tree_count())?;
        let mut visits = 0;
        for (tree, index) in self.model.trees.iter().zip(leaves) {
            let leaf = reference::leaf(self.model.library, tree, row);
            *index = leaf.index;
            visits += leaf.splits;
        }
        Ok(visits)
    }

    /// Scores up to [`ROWS`] rows.
    fn score(&self, rows: &[f64], scores: &mut [f64]) {
        if let Some((ranking, trees)) = &self.bits {
            let mut ranks: [Ranks; ROWS] = [[0; 256]; ROWS];
            let count = rows.len() / self.feature_count();
            for (row, ranks) in rows.chunks_exact(self.feature_count()).zip(&mut ranks) {
                ranking.rank(row, ranks);
            }
            for scores in scores.chunks_exact_mut(self.output_count()) {
                scores.copy_from_slice(&self.model.base);
            }
            return trees.add(&ranks[..count], self.output_count(), scores);
        }
        if let Some(packed) = &self.packed {
            return packed.margins(&self.model.base, rows, scores);
        }
        let answers = scores.chunks_exact_mut(self.output_count());
        for (row, scores) in rows.chunks_exact(self.feature_count()).zip(answers) {
            reference::margin(&self.model, row, scores);
        }
    }

    fn transform(&self, scores: &mut [f64]) {
        if let Some(iterations) = self.model.average_over {
            for score in &mut *scores {
                *score /= iterations;
            }
        }
        self.model.link.apply(scores);
    }

    fn check_row(&self, row: &[f64], out: &[f64]) -> Result<(), RowError> {
        check_width(row.len(), self.feature_count())?;
        check_room(out.len(), self.output_count())
    }

    fn check_batch(&self, rows: &[f64], out: &[f64]) -> Result<(), RowError> {
        let expected = self.feature_count();
        if !rows.len().is_multiple_of(expected) {
            return Err(RowError::BatchWidth { expected, found: rows.len() });
        }
        check_room(out.len(), rows.len() / expected * self.output_count())
    }
}

fn check_width(found: usize, expected: usize) -> Result<(), RowError> {
    if found == expected { Ok(()) } else { Err(RowError::RowWidth { expected, found }) }
}

fn check_room(found: usize, expected: usize) -> Result<(), RowError> {
    if found == expected { Ok(()) } else { Err(RowError::OutputWidth { expected, found }) }
}
