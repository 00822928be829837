//! Where the bins of columns end.

use std::{panic, thread};

use super::{Binning, LEAST, single};
use crate::fit::{FitError, Matrix};

/// So many rows tell well enough where the bins' edges lie: LightGBM takes as many by itself.
const SAMPLE_ROWS: usize = 200_000;

/// The columns of binned rows.
#[derive(Debug)]
pub(in crate::fit) struct Columns(Vec<Column>);

/// What a column is called, where its bins end, and how far its values reach.
#[derive(Debug)]
pub(in crate::fit) struct Column {
    pub(in crate::fit) name: String,
    /// Ascending: a value is in the first bin whose edge it is below, or in the last one, which has none.
    pub(in crate::fit) edges: Vec<f32>,
    /// The least and the greatest of the sample; nothing if all are missing.
    pub(in crate::fit) range: Option<[f32; 2]>,
}

impl Columns {
    /// Those of a matrix; where there are many rows, by a sample.
    ///
    /// # Errors
    /// When a value is too large for single precision.
    pub(super) fn of(rows: Matrix<'_, f64>, binning: Binning<'_>) -> Result<Self, FitError> {
        let mut samples: Vec<(&str, Vec<f32>)> = binning.names.iter().copied().zip(sample(rows)?).collect();
        let share = samples.len().div_ceil(binning.threads.max(1));
        let made = |samples: &mut [(&str, Vec<f32>)]| -> Vec<Column> {
            samples.iter_mut().map(|(name, values)| Column::of(name, values, binning.bins)).collect()
        };
        let columns = thread::scope(|scope| {
            let threads: Vec<_> =
                samples.chunks_mut(share).map(|samples| scope.spawn(move || made(samples))).collect();
            let joined = |thread: thread::ScopedJoinHandle<'_, Vec<Column>>| {
                thread.join().unwrap_or_else(|fault| panic::resume_unwind(fault))
            };
            threads.into_iter().flat_map(joined).collect()
        });
        Ok(Self(columns))
    }

    pub(in crate::fit) fn count(&self) -> usize {
        self.0.len()
    }

    pub(in crate::fit) fn iter(&self) -> std::slice::Iter<'_, Column> {
        self.0.iter()
    }

    pub(in crate::fit) fn get(&self, column: usize) -> Option<&Column> {
        self.0.get(column)
    }
}

impl Column {
    fn of(name: &str, values: &mut [f32], bins: usize) -> Self {
        values.sort_unstable_by(f32::total_cmp);
        let known = &values[values.partition_point(|value| *value <= LEAST)..];
        let range = known.first().zip(known.last()).map(|(least, most)| [*least, *most]);
        Self { name: name.to_owned(), edges: edges(values, bins), range }
    }

    /// The bin of a value.
    pub(super) fn bin(&self, value: f32) -> u8 {
        // Fewer edges than `BINS_MOST`.
        self.edges.partition_point(|edge| *edge <= value) as u8
    }

    /// A value that is in a bin, above what is missing if the bin is not the first.
    pub(in crate::fit) fn value(&self, bin: u8) -> f32 {
        usize::from(bin).checked_sub(1).and_then(|bin| self.edges.get(bin)).copied().unwrap_or(LEAST)
    }

    /// How many bins lie below an edge; nothing if it is none.
    pub(in crate::fit) fn below(&self, edge: f32) -> Option<u8> {
        let place = self.edges.iter().position(|other| *other == edge)?;
        u8::try_from(place + 1).ok()
    }
}

/// Where bins of sorted values end that have about as many of them each. A value that is as frequent as a bin is one by itself.
fn edges(values: &[f32], bins: usize) -> Vec<f32> {
    let mut edges = Vec::new();
    let (mut left, mut taken, mut last) = (values.len(), 0, LEAST);
    for run in values.chunk_by(|a, b| a == b) {
        let bins_left = bins - edges.len();
        if bins_left < 2 {
            break;
        }
        // With the run the bin would have more too many than it has too few without.
        if taken > 0 && (2 * taken + run.len()) * bins_left > 2 * left {
            edges.push(between(last, run[0]));
            left -= taken;
            taken = 0;
        }
        taken += run.len();
        last = run[0];
    }
    edges
}

/// A value above one and not above the other, in the middle between them; but right above the missing there is no middle.
fn between(low: f32, high: f32) -> f32 {
    let middle = low + (high - low) / 2.0;
    if low > LEAST && middle > low && middle < high { middle } else { high }
}

/// The values of the rows of a sample, by column.
fn sample(rows: Matrix<'_, f64>) -> Result<Vec<Vec<f32>>, FitError> {
    let count = rows.rows();
    let mut found = vec![Vec::with_capacity(count.min(SAMPLE_ROWS + 1)); rows.columns()];
    for piece in rows.pieces() {
        for row in piece.clone().filter(|row| is_sampled(*row, count)) {
            for (column, value) in found.iter_mut().zip(rows.of(row..row + 1)) {
                column.push(single(*value)?);
            }
        }
        rows.release(piece);
    }
    Ok(found)
}

/// Whether a row of so many is in the sample: as many as there are to be, spread evenly over all (the multiples of the golden ratio,
/// Weyl), whatever the order of the symbols is.
fn is_sampled(row: usize, rows: usize) -> bool {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let place = (row as u64).wrapping_mul(GOLDEN) as f64 / u64::MAX as f64;
    place * (rows as f64) < SAMPLE_ROWS as f64
}

#[cfg(test)]
impl Columns {
    pub(in crate::fit) fn between(columns: &[Vec<f32>]) -> Self {
        let column = |(number, edges): (usize, &Vec<f32>)| {
            let range = edges.first().zip(edges.last()).map(|(least, most)| [*least - 1.0, *most]);
            Column { name: format!("column_{number}"), edges: edges.clone(), range }
        };
        Self(columns.iter().enumerate().map(column).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bins_have_about_as_many_values_each_but_for_values_that_are_frequent(
            values in prop::collection::vec(prop_oneof![
                3 => (-300_i16..300).prop_map(|value| f32::from(value) / 8.0),
                1 => Just(LEAST),
                1 => Just(2.5),
            ], 1..600),
            bins in 2_usize..20,
        ) {
            let mut values = values;
            let column = Column::of("a", &mut values, bins);
            prop_assert!(column.edges.len() < bins && column.edges.windows(2).all(|pair| pair[0] < pair[1]));
            let mut counts = vec![0_u32; column.edges.len() + 1];
            let mut kinds = vec![Vec::new(); counts.len()];
            for value in &values {
                let bin = usize::from(column.bin(*value));
                prop_assert_eq!(bin, column.edges.iter().filter(|edge| *edge <= value).count());
                counts[bin] += 1;
                if !kinds[bin].contains(value) {
                    kinds[bin].push(*value);
                }
            }
            prop_assert!(counts.iter().all(|count| *count > 0), "an empty bin: {counts:?}");
            let most = |kinds: &[f32]| {
                let times = |kind: &f32| values.iter().filter(|value| *value == kind).count();
                kinds.iter().map(times).max().unwrap_or(0)
            };
            for (count, kinds) in counts.iter().zip(&kinds) {
                // Its share, half of its last value too many, and what others had too few.
                let share = values.len() as f64 / bins as f64;
                prop_assert!(f64::from(*count) <= 2.0 * share + 1.5 * most(kinds) as f64 + 1.0, "{counts:?}");
            }
            // As few kinds as bins are told apart.
            let mut all = values.clone();
            all.dedup();
            if all.len() == 2 && bins > 2 {
                prop_assert_eq!(column.edges.len(), 1);
            }
            for bin in 0..counts.len() as u8 {
                prop_assert_eq!(column.bin(column.value(bin)), bin);
            }
            for (place, edge) in column.edges.iter().enumerate() {
                prop_assert_eq!(column.below(*edge), Some(place as u8 + 1));
            }
        }
    }

    #[test]
    fn what_is_missing_has_a_bin_of_its_own_where_it_is_frequent_and_no_range() {
        let mut values = [LEAST, LEAST, 3.0, 4.0, 5.0, LEAST];
        let column = Column::of("a", &mut values, 8);
        assert_eq!((column.edges.as_slice(), column.range), ([3.0, 3.5, 4.5].as_slice(), Some([3.0, 5.0])));
        assert_eq!([LEAST, 2.0, 3.0, 3.9, 9.0].map(|value| column.bin(value)), [0, 0, 1, 2, 3]);
        assert!(column.below(3.2).is_none() && Column::of("b", &mut [LEAST; 3], 8).range.is_none());
    }

    #[test]
    fn a_sample_of_many_rows_is_spread_over_all_of_them_and_bins_them_alike() {
        let count = 3 * SAMPLE_ROWS;
        // Ascending: who took the first rows, or every third in phase with something, would see it.
        let values: Vec<f64> = (0..count).map(|row| row as f64).collect();
        let rows = Matrix::new(&values, 1).expect("rows");
        let found = sample(rows).expect("a sample");
        let size = found[0].len();
        assert!(size.abs_diff(SAMPLE_ROWS) < 10, "{size} rows");
        let binning = Binning { names: &["a"], bins: 16, threads: 2, part_of: None };
        let columns = Columns::of(rows, binning).expect("columns");
        let edges = &columns.get(0).expect("a column").edges;
        assert_eq!(edges.len(), 15);
        for (place, edge) in edges.iter().enumerate() {
            let expected = (place + 1) as f32 * count as f32 / 16.0;
            assert!((edge - expected).abs() < count as f32 * 1e-4, "{edge} {expected}");
        }
    }
}
