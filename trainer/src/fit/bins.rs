//! Rows as the numbers of their bins, a byte each.
//!
//! Both libraries are fed the same bins, and trees are followed through them while a model grows: a library's own copy of the rows
//! can't be, it makes all columns of a row numbers again, which costs as much as to learn from it does. What is missing lies below
//! everything else, at every split (`xgboost/missing.rs` says why).

mod cells;
mod columns;

use std::sync::Arc;

use super::{FitError, Matrix};

pub(super) use cells::{Cells, TILE_ROWS, Tile};
pub(super) use columns::{Column, Columns};

/// The most bins of a column.
const BINS_MOST: usize = 256;

/// What stands for a missing value: less than every value that is let in, and finite when it is doubled, as XGBoost does.
pub(super) const LEAST: f32 = f32::MIN / 4.0;

/// Binned rows, in one part, or in several that rounds learn from by turns.
#[derive(Debug)]
pub struct Binned {
    pub(super) columns: Arc<Columns>,
    pub(super) parts: Vec<Cells>,
    /// Which part each row is in.
    part_of: Vec<u8>,
}

/// How rows are binned.
#[derive(Debug, Clone, Copy)]
pub struct Binning<'a> {
    /// What the columns are called.
    pub names: &'a [&'a str],
    /// The most bins of a column; XGBoost's training parameters must have the same `max_bin`.
    pub bins: usize,
    /// Threads; they change no bit.
    pub threads: usize,
    /// Which part each row is in, from 0 on, none of them empty; without it all are in one.
    pub part_of: Option<&'a [u8]>,
}

impl Binned {
    /// Bins a matrix to learn from: a column's bins hold about as many of its values each.
    ///
    /// # Errors
    /// When a value is too large for single precision, a part has no row, there are more bins than a byte can tell, or a list has
    /// another length than its side of the matrix.
    pub fn new(rows: Matrix<'_, f64>, binning: Binning<'_>) -> Result<Self, FitError> {
        if binning.bins > BINS_MOST {
            return Err(FitError::TooLarge { what: "the number of bins", value: binning.bins });
        }
        let expected = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(FitError::Shape { what, found, expected }) }
        };
        expected("the list of names", binning.names.len(), rows.columns())?;
        let part_of = binning.part_of.map_or_else(|| vec![0; rows.rows()], <[u8]>::to_vec);
        expected("the list of parts", part_of.len(), rows.rows())?;
        let columns = Arc::new(Columns::of(rows, binning)?);
        Self::by(rows, columns, part_of, binning.threads)
    }

    /// Bins a matrix, in one part, like another one.
    ///
    /// # Errors
    /// When it has another number of columns, or a value is too large for single precision.
    pub fn like(&self, rows: Matrix<'_, f64>, threads: usize) -> Result<Self, FitError> {
        let (found, expected) = (rows.columns(), self.columns.count());
        if found != expected {
            return Err(FitError::Shape { what: "a row", found, expected });
        }
        Self::by(rows, Arc::clone(&self.columns), vec![0; rows.rows()], threads)
    }

    fn by(
        rows: Matrix<'_, f64>,
        columns: Arc<Columns>,
        part_of: Vec<u8>,
        threads: usize,
    ) -> Result<Self, FitError> {
        let parts = Cells::of(rows, &part_of, &columns, threads)?;
        if parts.iter().any(|part| part.rows() == 0) {
            return Err(FitError::Shape { what: "a part of the rows", found: 0, expected: 1 });
        }
        Ok(Self { columns, parts, part_of })
    }

    /// How many rows.
    pub(super) fn rows(&self) -> usize {
        self.part_of.len()
    }

    /// Those of some rows' values that are of a part.
    pub(super) fn of_part(&self, part: usize, values: &[f32]) -> Vec<f32> {
        let own = values.iter().zip(&self.part_of).filter(|(_, of)| usize::from(**of) == part);
        own.map(|(value, _)| *value).collect()
    }
}

/// A value as it is learned from.
///
/// # Errors
/// When it is too large for single precision, or not above what stands for the missing.
fn single(value: f64) -> Result<f32, FitError> {
    let single = value as f32;
    if value.is_nan() {
        Ok(LEAST)
    } else if single > LEAST && single.is_finite() {
        Ok(single)
    } else {
        Err(FitError::Value { value })
    }
}
