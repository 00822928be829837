//! What each tree says by itself: the leaf that a row reaches in it, and what that leaf adds to a raw score.

use crate::error::{check_batch, check_room, check_width};
use crate::score::reference::{Reached, leaf};
use crate::{Model, RowError};

/// All of these are answered by the specification form, node by node and tree by tree, and allocate nothing; a
/// [`Booster`](crate::Booster) adds the leaves up and forgets them.
///
/// The tree values of a row, added to [`Model::base`] at the places that [`Model::tree_outputs`] names, one after the
/// other, are the bits of [`Model::margin`]: LightGBM's in f64, XGBoost's in f32, rounded after each addition.
impl Model {
    /// The raw scores that the trees are added to, one for each output: 0 in LightGBM, in XGBoost the base score on
    /// the side of raw scores, widened from f32.
    pub fn base(&self) -> &[f64] {
        &self.head.base
    }

    /// The output that each tree is added to, in the order of the trees.
    pub fn tree_outputs(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.trees.iter().map(|tree| tree.output)
    }

    /// Writes the leaf that a row reaches in each tree, by the original's numbering (`predict(...,
    /// pred_leaf=True)`), and returns the number of splits passed over all trees.
    ///
    /// # Errors
    /// A [`RowError`] if `row` hasn't [`Model::feature_count`] or `leaves` not [`Model::tree_count`] values.
    pub fn leaves(&self, row: &[f64], leaves: &mut [u32]) -> Result<usize, RowError> {
        check_width(row.len(), self.feature_count())?;
        check_room(leaves.len(), self.tree_count())?;
        Ok(self.reach(row, leaves, |leaf| leaf.index))
    }

    /// Writes the leaves that rows reach which lie one after another, row by row, and returns the number of splits
    /// passed over all rows and trees.
    ///
    /// # Errors
    /// A [`RowError`] if `rows` is no whole number of rows or `leaves` hasn't room for exactly their leaves.
    pub fn leaves_batch(&self, rows: &[f64], leaves: &mut [u32]) -> Result<usize, RowError> {
        self.reach_batch(rows, leaves, |leaf| leaf.index)
    }

    /// Writes what each tree adds to the raw score of a row: the value of the leaf that the row reaches, as the
    /// original adds it (LightGBM's f64, shrinkage included; XGBoost's f32 widened, DART's weight included).
    ///
    /// A random forest of LightGBM adds them up as others do; its prediction divides the sum by the number of
    /// iterations, which is [`Model::tree_count`] over [`Model::output_count`].
    ///
    /// # Errors
    /// A [`RowError`] if `row` hasn't [`Model::feature_count`] or `values` not [`Model::tree_count`] values.
    pub fn tree_values(&self, row: &[f64], values: &mut [f64]) -> Result<(), RowError> {
        check_width(row.len(), self.feature_count())?;
        check_room(values.len(), self.tree_count())?;
        self.reach(row, values, |leaf| leaf.value);
        Ok(())
    }

    /// Writes the tree values of rows that lie one after another, row by row.
    ///
    /// # Errors
    /// A [`RowError`] if `rows` is no whole number of rows or `values` hasn't room for exactly their values.
    pub fn tree_values_batch(&self, rows: &[f64], values: &mut [f64]) -> Result<(), RowError> {
        self.reach_batch(rows, values, |leaf| leaf.value).map(|_| ())
    }

    /// Writes what is wanted of the leaf that a row reaches in each tree; returns the number of splits passed.
    fn reach<T>(&self, row: &[f64], out: &mut [T], wanted: impl Fn(Reached) -> T) -> usize {
        let mut splits = 0;
        for (tree, out) in self.trees.iter().zip(out) {
            let reached = leaf(self.head.library, tree, row);
            splits += reached.splits;
            *out = wanted(reached);
        }
        splits
    }

    fn reach_batch<T>(
        &self,
        rows: &[f64],
        out: &mut [T],
        wanted: impl Fn(Reached) -> T,
    ) -> Result<usize, RowError> {
        let (width, trees) = (self.feature_count(), self.tree_count());
        let count = check_batch(rows.len(), width)?;
        check_room(out.len(), count * trees)?;
        // A model may have no trees; then there is nothing to write.
        let answers = rows.chunks_exact(width).zip(out.chunks_exact_mut(trees.max(1)));
        Ok(answers.map(|(row, out)| self.reach(row, out, &wanted)).sum())
    }
}
