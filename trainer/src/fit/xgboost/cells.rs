//! Rows as the numbers of their bins, a byte each: what trees are followed through while they are grown. The library's own
//! copy can't be: to answer a row it makes all of its columns numbers again, which costs as much as to learn from it does.

use std::ffi::{CStr, c_char};
use std::ptr;
use std::slice;

use serde::Deserialize;

use super::feed::single;
use super::held::Held;
use super::threads::by_rows;
use super::{LIBRARY, to_size};
use crate::fit::{FitError, Matrix};

/// The most bins of a column.
pub(super) const BINS_MOST: usize = 256;

/// Where the bins of each column end, ascending: a value is in the first bin whose edge it is below.
#[derive(Debug)]
pub(super) struct Edges {
    /// Column `c` has those from `starts[c]` to `starts[c + 1]`, the first of which is where its first bin begins.
    starts: Vec<usize>,
    edges: Vec<f32>,
}

/// Rows of bin numbers, one after another.
#[derive(Debug)]
pub(super) struct Cells {
    numbers: Vec<u8>,
    columns: usize,
}

/// NumPy's array interface, as the library answers it.
#[derive(Deserialize)]
struct Lent {
    data: (u64, bool),
    shape: Vec<u64>,
    typestr: String,
}

impl Edges {
    /// Those by which the library has binned some rows.
    ///
    /// # Errors
    /// When it refuses, or answers in another form.
    pub(super) fn of(held: &Held) -> Result<Self, FitError> {
        let (mut starts, mut edges) = (ptr::null::<c_char>(), ptr::null::<c_char>());
        // SAFETY: the matrix is live, the settings are NUL-terminated, and the answers go to live locals.
        let status =
            unsafe { (held.api.matrix_edges)(held.handle, c"{}".as_ptr(), &raw mut starts, &raw mut edges) };
        held.api.check("XGDMatrixGetQuantileCut", status)?;
        // SAFETY: on success both are NUL-terminated texts that name arrays of these types (c_api.h, and their `typestr` is looked
        // at), which the library lends until its next call; all are copied at once.
        let (starts, edges): (Vec<u64>, Vec<f32>) =
            unsafe { (copied(starts, "<u8")?, copied(edges, "<f4")?) };
        let starts = starts
            .into_iter()
            .map(|start| to_size("the number of bins", start))
            .collect::<Result<Vec<_>, _>>()?;
        let found = Self { starts, edges };
        let ascends = found.starts.windows(2).all(|pair| {
            let column = found.edges.get(pair[0]..pair[1]);
            column.is_some_and(|column| (2..=BINS_MOST + 1).contains(&column.len()) && column.is_sorted())
        });
        if !ascends || found.starts.len() != held.columns + 1 {
            let answer = format!("bins of {} columns", found.starts.len().saturating_sub(1));
            return Err(FitError::Answer {
                library: LIBRARY,
                answer,
                expected: "ascending edges of each column",
            });
        }
        Ok(found)
    }

    fn column(&self, column: usize) -> &[f32] {
        &self.edges[self.starts[column] + 1..self.starts[column + 1]]
    }

    /// How many bins of a column lie below a value that is an edge.
    pub(super) fn below(&self, column: usize, edge: f32) -> u16 {
        // At most `BINS_MOST`.
        self.column(column).partition_point(|other| *other <= edge) as u16
    }

    /// The bin of a value; what is beyond the last edge is in the last bin.
    fn bin(&self, column: usize, value: f32) -> u8 {
        let edges = self.column(column);
        edges.partition_point(|edge| *edge <= value).min(edges.len() - 1) as u8
    }
}

impl Cells {
    /// Some of the rows, as the library bins them.
    ///
    /// # Errors
    /// When a value is too large for single precision.
    pub(super) fn of(
        rows: Matrix<'_, f64>,
        takes: &dyn Fn(usize) -> bool,
        edges: &Edges,
        threads: usize,
    ) -> Result<Self, FitError> {
        let (all, columns) = (rows.values(), rows.columns());
        let count = (0..rows.rows()).filter(|row| takes(*row)).count();
        let mut numbers = Vec::with_capacity(count * columns);
        for piece in rows.pieces() {
            let taken: Vec<usize> = piece.clone().filter(|row| takes(*row)).collect();
            let values = |row: usize| &all[row * columns..(row + 1) * columns];
            let start = numbers.len();
            numbers.resize(start + taken.len() * columns, 0);
            for value in taken.iter().flat_map(|row| values(*row)) {
                single(*value)?;
            }
            by_rows(&mut numbers[start..], columns, threads, |first, cells| {
                for (cells, row) in cells.chunks_exact_mut(columns).zip(&taken[first..]) {
                    for (column, (cell, value)) in cells.iter_mut().zip(values(*row)).enumerate() {
                        *cell = single(*value).map_or(0, |value| edges.bin(column, value));
                    }
                }
            });
            rows.release(piece);
        }
        Ok(Self { numbers, columns })
    }

    pub(super) fn rows(&self) -> usize {
        self.numbers.len() / self.columns
    }

    /// The numbers of a row and all after it, row after row.
    pub(super) fn from(&self, row: usize) -> slice::ChunksExact<'_, u8> {
        self.numbers[row * self.columns..].chunks_exact(self.columns)
    }
}

/// A copy of an array that is lent.
///
/// # Safety
/// `text` must be NUL-terminated, and the array that it names must be live and of values that any bits are one of.
unsafe fn copied<T: Copy>(text: *const c_char, kind: &'static str) -> Result<Vec<T>, FitError> {
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let unknown = || FitError::Answer { library: LIBRARY, answer: text.to_string(), expected: "an array" };
    let lent: Lent = serde_json::from_str(&text).map_err(|_| unknown())?;
    let [count] = lent.shape[..] else { return Err(unknown()) };
    let (count, address) = (to_size("an array", count)?, to_size("an address", lent.data.0)?);
    if lent.typestr != kind || (count > 0 && address == 0) {
        return Err(unknown());
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: as the caller promises; the type is the one that the library names.
    Ok(unsafe { slice::from_raw_parts(ptr::with_exposed_provenance::<T>(address), count) }.to_vec())
}

#[cfg(test)]
impl Edges {
    pub(super) fn between(columns: &[Vec<f32>]) -> Self {
        let mut found = Self { starts: vec![0], edges: Vec::new() };
        for column in columns {
            found.edges.push(f32::NEG_INFINITY);
            found.edges.extend(column);
            found.starts.push(found.edges.len());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ascending(most: usize) -> impl Strategy<Value = Vec<f32>> {
        prop::collection::btree_set(-1_000_i16..1_000, 1..=most)
            .prop_map(|values| values.into_iter().map(|value| f32::from(value) / 8.0).collect())
    }

    proptest! {
        #[test]
        fn bins_are_below_an_edge_where_values_are_but_for_those_beyond_the_last(
            columns in prop::collection::vec(ascending(BINS_MOST), 1..4),
            values in prop::collection::vec(-130.0_f32..130.0, 1..50),
        ) {
            let found = Edges::between(&columns);
            for (column, own) in columns.iter().enumerate() {
                // On the edges too.
                for value in values.iter().chain(own) {
                    let bin = found.bin(column, *value);
                    let last = own.len() - 1;
                    prop_assert_eq!(usize::from(bin), own.iter().filter(|edge| *edge <= value).count().min(last));
                    for edge in &own[..last] {
                        prop_assert_eq!(u16::from(bin) < found.below(column, *edge), value < edge);
                    }
                }
            }
        }
    }

    #[test]
    fn rows_that_are_taken_are_binned_in_their_order_and_what_is_missing_is_the_least() {
        let edges = Edges::between(&[vec![0.0, 1.0, 2.0], vec![5.0, 6.0]]);
        let values = [0.5, 5.0, f64::NAN, -9.0, 7.0, f64::NAN, 1.0, 5.5];
        let rows = Matrix::new(&values, 2).expect("rows");
        for threads in [1, 3] {
            let cells = Cells::of(rows, &|row| row != 1, &edges, threads).expect("cells");
            assert_eq!(cells.numbers, [1, 1, 2, 0, 2, 1]);
            assert_eq!((cells.rows(), cells.from(1).next()), (3, Some([2, 0].as_slice())));
        }
        let beyond = Matrix::new(&[f64::INFINITY, 0.0], 2).expect("rows");
        assert!(matches!(Cells::of(beyond, &|_| true, &edges, 1), Err(FitError::Value { .. })));
    }
}
