//! Rows by columns, as the C APIs read them.

use std::fmt;
use std::ops::Range;

use super::FitError;

/// A borrowed row-major matrix whose length was checked against its width.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    release: Option<&'a dyn Fn(Range<usize>)>,
}

impl<T> fmt::Debug for Matrix<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix({} x {})", self.rows, self.columns)
    }
}

impl<'a, T> Matrix<'a, T> {
    /// Views `values` as rows of `columns` values.
    ///
    /// # Errors
    /// When the length is not a whole number of rows, there is no row, or a side exceeds the C API's `int`.
    pub fn new(values: &'a [T], columns: usize) -> Result<Self, FitError> {
        let rows = values.len().checked_div(columns).unwrap_or(0);
        if rows == 0 || rows * columns != values.len() {
            let expected = rows.max(1) * columns.max(1);
            return Err(FitError::Shape { what: "the matrix", found: values.len(), expected });
        }
        for (what, value) in [("the number of rows", rows), ("the number of columns", columns)] {
            if i32::try_from(value).is_err() {
                return Err(FitError::TooLarge { what, value });
            }
        }
        Ok(Self { values, rows, columns, release: None })
    }

    /// Tells of the rows, by their places from 0 on, that were read and may leave the memory until they are read again.
    #[must_use]
    pub fn releasing(mut self, release: &'a dyn Fn(Range<usize>)) -> Self {
        self.release = Some(release);
        self
    }

    /// All values, row after row.
    #[must_use]
    pub const fn values(&self) -> &'a [T] {
        self.values
    }

    /// How many rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// The places of the rows of each piece that a walk over all of them takes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<T> {
        let rows = self.rows;
        (0..rows).step_by(PIECE_ROWS).map(move |start| start..rows.min(start + PIECE_ROWS))
    }

    /// Some rows' values.
    pub(super) fn of(&self, rows: Range<usize>) -> &'a [T] {
        &self.values[rows.start * self.columns..rows.end * self.columns]
    }

    /// Some rows have been read.
    pub(super) fn release(&self, rows: Range<usize>) {
        if let Some(release) = self.release {
            release(rows);
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "checked by new")]
    pub(super) const fn rows_i32(&self) -> i32 {
        self.rows as i32
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "checked by new")]
    pub(super) const fn columns_i32(&self) -> i32 {
        self.columns as i32
    }
}

/// Rows in a piece.
pub(super) const PIECE_ROWS: usize = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ragged_or_empty_matrix_is_refused() {
        assert!(Matrix::new(&[1.0, 2.0, 3.0], 2).is_err());
        assert!(Matrix::<f64>::new(&[], 2).is_err());
        assert!(Matrix::new(&[1.0], 0).is_err());
        assert!(Matrix::new(&[1.0, 2.0, 3.0, 4.0], 2).is_ok_and(|m| (m.rows(), m.columns()) == (2, 2)));
    }
}
