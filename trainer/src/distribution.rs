//! How far two samples of one column are apart.

use std::ops::Range;

use crate::dataset::Dataset;

/// Rows that speak for a window, spread evenly over it.
pub(crate) const SAMPLED_ROWS_MAX: usize = 20_000;

/// Bins of the population stability index.
const PSI_BINS: usize = 10;

/// A bin's share counts as at least so much, so that an empty one has a logarithm.
const PSI_SHARE_LEAST: f64 = 1e-4;

/// A column of some rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// The finite values, ascending.
    values: Vec<f64>,
    rows: usize,
}

impl Sample {
    pub(crate) fn new(column: impl Iterator<Item = f64>) -> Self {
        let mut rows = 0;
        let counted = column.inspect(|_| rows += 1);
        let mut values: Vec<f64> = counted.filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        Self { values, rows }
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The share of rows without a finite value; 1 of no rows.
    pub(crate) fn missing(&self) -> f64 {
        if self.rows == 0 { 1.0 } else { 1.0 - self.values.len() as f64 / self.rows as f64 }
    }

    /// The share of the values that are not above a bound.
    pub(crate) fn below(&self, bound: f64) -> f64 {
        let count = self.values.partition_point(|value| *value <= bound);
        count as f64 / self.values.len().max(1) as f64
    }

    /// The distinct values at `parts - 1` quantiles that divide the sample evenly.
    pub(crate) fn quantiles(&self, parts: usize) -> Vec<f64> {
        let Some(last) = self.values.len().checked_sub(1) else { return Vec::new() };
        let mut found: Vec<f64> = (1..parts).map(|part| self.values[last * part / parts]).collect();
        found.dedup();
        found
    }

    /// The mean and the standard deviation (of the population); NaN of no values.
    pub(crate) fn moments(&self) -> (f64, f64) {
        let count = self.values.len() as f64;
        let mean = self.values.iter().sum::<f64>() / count;
        let square = self.values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
        (mean, square.sqrt())
    }
}

/// The rows that speak for some: all, or one of each so many in a row. Which one is drawn, the same in every run: the rows of a
/// bar follow each other by symbol, and equal steps would meet the same symbol again and again.
pub(crate) fn sampled_rows(range: Range<usize>) -> impl Iterator<Item = usize> + Clone {
    let step = range.len().div_ceil(SAMPLED_ROWS_MAX).max(1);
    (0..range.len() / step).map(move |at| {
        // Fibonacci hashing: Knuth, The Art of Computer Programming 3, 6.4.
        let scattered = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        range.start + at * step + scattered as usize % step
    })
}

/// One column of some rows.
pub(crate) fn sample(dataset: &Dataset, rows: impl Iterator<Item = usize>, column: usize) -> Sample {
    Sample::new(rows.map(|row| dataset.row(row)[column]))
}

/// The population stability index, the sum of `(q - p) ln(q / p)` over bins, p the reference's share of a bin and q the
/// current one's. The ten bins are made by the reference's deciles. 0 if one of them is empty.
///
/// `edges` ascend; `reference` and `current` are the shares that are not above each of them.
pub(crate) fn stability_index(edges: &[f64], reference: &[f64], current: &[f64]) -> f64 {
    let bins = PSI_BINS.min(edges.len() + 1);
    let inner = (1..bins).map(|bin| {
        let edge = bin * (edges.len() + 1) / bins - 1;
        (reference[edge], current[edge])
    });
    let mut before = (0.0, 0.0);
    let terms = inner.chain([(1.0, 1.0)]).map(|(p, q)| {
        let [share_p, share_q] = [p - before.0, q - before.1].map(|share| share.max(PSI_SHARE_LEAST));
        before = (p, q);
        (share_q - share_p) * libm::log(share_q / share_p)
    });
    terms.sum()
}

/// Kolmogorov's and Smirnov's statistic of two samples: the greatest distance between their distribution functions. 0 if
/// one of them is empty.
pub(crate) fn kolmogorov_smirnov(one: &Sample, other: &Sample) -> f64 {
    let (a, b) = (&one.values, &other.values);
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let (mut i, mut j, mut greatest) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        while i < a.len() && a[i] <= value {
            i += 1;
        }
        while j < b.len() && b[j] <= value {
            j += 1;
        }
        greatest = greatest.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    greatest
}

/// Wasserstein's distance of two samples (the area between their distribution functions) by the reference's standard
/// deviation, at least 0.001: Evidently's measure for numbers. 0 if one of them is empty.
pub(crate) fn wasserstein(reference: &Sample, current: &Sample) -> f64 {
    let (a, b) = (&reference.values, &current.values);
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let (mut i, mut j, mut area) = (0, 0, 0.0);
    let mut at = a[0].min(b[0]);
    while i < a.len() || j < b.len() {
        let next = match (a.get(i), b.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => break,
        };
        area += (i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs() * (next - at);
        at = next;
        while a.get(i).is_some_and(|value| *value <= at) {
            i += 1;
        }
        while b.get(j).is_some_and(|value| *value <= at) {
            j += 1;
        }
    }
    area / reference.moments().1.max(0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(count: usize, from: f64, step: f64) -> Sample {
        Sample::new((0..count).map(|at| from + step * at as f64))
    }

    fn index(reference: &Sample, current: &Sample) -> f64 {
        let edges = reference.quantiles(10);
        let below = |sample: &Sample| edges.iter().map(|edge| sample.below(*edge)).collect::<Vec<_>>();
        stability_index(&edges, &below(reference), &below(current))
    }

    #[test]
    fn the_same_sample_is_at_no_distance() {
        let one = spread(1_000, 0.0, 0.1);
        assert_eq!(kolmogorov_smirnov(&one, &one), 0.0);
        assert_eq!(wasserstein(&one, &one), 0.0);
        assert!(index(&one, &one).abs() < 1e-12);
    }

    #[test]
    fn distances_are_as_calculated_by_hand() {
        // [0, 1, 2, 3] and the same, moved by 2: half of one lies below the other; every value moves by 2.
        let (one, moved) = (spread(4, 0.0, 1.0), spread(4, 2.0, 1.0));
        assert_eq!(kolmogorov_smirnov(&one, &moved), 0.5);
        assert!((wasserstein(&one, &moved) - 2.0 / 1.25_f64.sqrt()).abs() < 1e-12);
        // Two bins with shares (1/2, 1/2) against (1/4, 3/4).
        let found = stability_index(&[0.0], &[0.5], &[0.25]);
        assert!((found - 0.25 * 3.0_f64.ln()).abs() < 1e-12, "{found}");
        // All of it beyond the reference.
        let far = spread(1_000, 1e6, 1.0);
        assert_eq!(kolmogorov_smirnov(&spread(1_000, 0.0, 1.0), &far), 1.0);
        assert!(index(&spread(1_000, 0.0, 1.0), &far) > 5.0);
    }

    #[test]
    fn percentiles_give_the_bins_of_deciles() {
        let (one, other) = (spread(10_000, 0.0, 1.0), spread(10_000, 700.0, 1.1));
        let edges = one.quantiles(100);
        let below = |sample: &Sample| edges.iter().map(|edge| sample.below(*edge)).collect::<Vec<_>>();
        let found = stability_index(&edges, &below(&one), &below(&other));
        let expected = index(&one, &other);
        assert!((found / expected - 1.0).abs() < 0.25, "{found} by percentiles, {expected} by deciles");
    }

    #[test]
    fn sampled_rows_meet_all_symbols_alike() {
        assert_eq!(sampled_rows(5..25).collect::<Vec<_>>(), (5..25).collect::<Vec<_>>());
        let rows: Vec<usize> = sampled_rows(0..1_000_000).collect();
        assert!(rows.len() == SAMPLED_ROWS_MAX && rows.is_sorted());
        for symbol in 0..10 {
            let of = rows.iter().filter(|row| **row % 10 == symbol).count();
            assert!((1_800..2_200).contains(&of), "{of} of symbol {symbol}");
        }
    }

    #[test]
    fn constants_missing_values_and_nothing_at_all_are_no_fault() {
        let constant = Sample::new([2.0; 50].into_iter());
        let nothing = Sample::new([f64::NAN, f64::INFINITY].into_iter());
        assert_eq!((nothing.missing(), nothing.values().len(), nothing.quantiles(10).len()), (1.0, 0, 0));
        assert_eq!(Sample::new(std::iter::empty()).missing(), 1.0);
        assert_eq!((kolmogorov_smirnov(&constant, &nothing), wasserstein(&constant, &nothing)), (0.0, 0.0));
        assert!(index(&constant, &constant).abs() < 1e-12);
        assert!(index(&constant, &spread(50, 3.0, 1.0)) > 5.0);
    }
}
