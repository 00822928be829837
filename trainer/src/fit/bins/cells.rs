//! The numbers of bins.

use super::{Columns, single};
use crate::fit::threads::by_units;
use crate::fit::{FitError, Matrix};

/// Rows that are looked at together.
pub(in crate::fit) const TILE_ROWS: usize = 64;

/// Rows that are binned column by column while they are at hand.
const BLOCK_ROWS: usize = 256;

/// Rows of bin numbers, column after column: a tree asks for a few columns of all rows.
#[derive(Debug)]
pub(in crate::fit) struct Cells {
    numbers: Vec<u8>,
    rows: usize,
    /// A column's length: the rows, and what fills the last tile.
    column_length: usize,
}

/// As many rows one after another.
#[derive(Debug, Clone, Copy)]
pub(in crate::fit) struct Tile<'a> {
    tiles: &'a [[u8; TILE_ROWS]],
    /// From a column's to the next one's.
    stride: usize,
    number: usize,
}

impl Cells {
    /// Those of each part; the rows are read once.
    ///
    /// # Errors
    /// When a value is too large for single precision.
    pub(super) fn of(
        rows: Matrix<'_, f64>,
        part_of: &[u8],
        columns: &Columns,
        threads: usize,
    ) -> Result<Vec<Self>, FitError> {
        let mut counts = vec![0_usize; usize::from(part_of.iter().copied().max().unwrap_or(0)) + 1];
        part_of.iter().for_each(|part| counts[usize::from(*part)] += 1);
        let empty = |rows: &usize| {
            let column_length = rows.next_multiple_of(TILE_ROWS);
            Self { numbers: vec![0; column_length * columns.count()], rows: 0, column_length }
        };
        let mut parts: Vec<Self> = counts.iter().map(empty).collect();
        for piece in rows.pieces() {
            for value in rows.of(piece.clone()) {
                single(*value)?;
            }
            for (number, part) in parts.iter_mut().enumerate() {
                let taken = piece.clone().filter(|row| usize::from(part_of[*row]) == number);
                let taken: Vec<&[f64]> = taken.map(|row| rows.of(row..row + 1)).collect();
                part.append(&taken, columns, threads);
            }
            rows.release(piece);
        }
        Ok(parts)
    }

    /// Fills in the next rows, for which there is room.
    fn append(&mut self, rows: &[&[f64]], columns: &Columns, threads: usize) {
        let (filled, length) = (self.rows, self.column_length);
        by_units(&mut self.numbers, length, threads, |first, numbers| {
            for (block, rows) in rows.chunks(BLOCK_ROWS).enumerate() {
                let start = filled + block * BLOCK_ROWS;
                let own = numbers.chunks_exact_mut(length).zip(columns.iter().skip(first));
                for (number, (cells, column)) in own.enumerate() {
                    for (cell, row) in cells[start..].iter_mut().zip(rows) {
                        *cell = single(row[first + number]).map_or(0, |value| column.bin(value));
                    }
                }
            }
        });
        self.rows += rows.len();
    }

    pub(in crate::fit) fn rows(&self) -> usize {
        self.rows
    }

    pub(in crate::fit) fn columns(&self) -> usize {
        self.numbers.len().checked_div(self.column_length).unwrap_or(0)
    }

    /// The rows of a number; those that the last tile has too many are of the first bins.
    pub(in crate::fit) fn tile(&self, number: usize) -> Tile<'_> {
        Tile { tiles: self.numbers.as_chunks().0, stride: self.column_length / TILE_ROWS, number }
    }

    /// A row.
    pub(in crate::fit) fn row(&self, row: usize) -> impl Iterator<Item = u8> + '_ {
        self.numbers.chunks_exact(self.column_length.max(1)).map(move |column| column[row])
    }

    /// The bins of a column, row after row.
    pub(in crate::fit) fn column(&self, column: usize) -> &[u8] {
        let start = column * self.column_length;
        &self.numbers[start..start + self.rows]
    }
}

impl<'a> Tile<'a> {
    /// Its bins of a column.
    #[inline]
    pub(in crate::fit) fn column(self, column: usize) -> &'a [u8; TILE_ROWS] {
        &self.tiles[column * self.stride + self.number]
    }

    /// A tile of these columns.
    #[cfg(test)]
    pub(in crate::fit) fn of(columns: &'a [[u8; TILE_ROWS]]) -> Self {
        Self { tiles: columns, stride: 1, number: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::matrix::PIECE_ROWS;

    #[test]
    fn rows_are_binned_in_their_parts_and_their_order_and_what_is_missing_is_the_least() {
        let columns = Columns::between(&[vec![0.0, 1.0], vec![5.0]]);
        let kinds = [
            ([0.5, 5.0], [1, 1]),
            ([f64::NAN, -9.0], [0, 0]),
            ([7.0, f64::NAN], [2, 0]),
            ([1.0, 5.5], [2, 1]),
        ];
        // More than a piece, and parts whose tiles no piece ends with.
        let count = PIECE_ROWS + 1_001;
        let of = |row: usize| kinds[(row * 7 + row / 50) % 4];
        let values: Vec<f64> = (0..count).flat_map(|row| of(row).0).collect();
        let part_of: Vec<u8> = (0..count).map(|row| u8::from(row % 3 == 1)).collect();
        for threads in [1, 3] {
            let parts = Cells::of(Matrix::new(&values, 2).expect("rows"), &part_of, &columns, threads)
                .expect("cells");
            assert_eq!(parts.len(), 2);
            for (number, part) in parts.iter().enumerate() {
                let own: Vec<usize> = (0..count).filter(|row| usize::from(part_of[*row]) == number).collect();
                assert_eq!((part.rows(), part.columns()), (own.len(), 2));
                let last = part.tile((own.len() - 1) / TILE_ROWS);
                let place = (own.len() - 1) % TILE_ROWS;
                assert!(part.row(own.len() - 1).eq([0, 1].map(|column| last.column(column)[place])));
                for (place, row) in own.into_iter().enumerate() {
                    assert!(part.row(place).eq(of(row).1), "{place} of {number}");
                }
            }
        }
        let beyond = Matrix::new(&[f64::INFINITY, 0.0], 2).expect("rows");
        assert!(matches!(Cells::of(beyond, &[0], &columns, 1), Err(FitError::Value { .. })));
    }
}
