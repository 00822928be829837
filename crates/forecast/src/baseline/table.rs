//! Class frequencies, plain and given something known.

use serde::{Deserialize, Serialize};

/// How often each class came true, with one pseudo-row a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Frequencies(Vec<f64>);

impl Frequencies {
    pub(super) fn probabilities(&self) -> Vec<f64> {
        self.0.clone()
    }

    pub(super) const fn classes(&self) -> usize {
        self.0.len()
    }
}

/// Counts of classes.
#[derive(Debug, Clone)]
pub(super) struct Counts(Vec<u64>);

impl Counts {
    pub(super) fn new(classes: usize) -> Self {
        Self(vec![1; classes])
    }

    pub(super) fn push(&mut self, class: usize) {
        if let Some(count) = self.0.get_mut(class) {
            *count += 1;
        }
    }

    pub(super) fn frequencies(&self) -> Frequencies {
        let total: u64 = self.0.iter().sum();
        Frequencies(self.0.iter().map(|&count| count as f64 / total as f64).collect())
    }
}

/// Class frequencies given the bin that a number lies in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BinnedFrequencies {
    /// Ascending; a number belongs to the bin after the last edge that is not above it.
    edges: Vec<f64>,
    bins: Vec<Frequencies>,
}

impl BinnedFrequencies {
    /// Fits about equally filled bins. Rows are numbers and class indices; sorts them.
    pub(super) fn fit(rows: &mut [(f64, u8)], classes: usize, bins: usize) -> Self {
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut edges: Vec<f64> = Vec::new();
        for bin in 1..bins {
            if let Some((edge, _)) = rows.get(rows.len() * bin / bins)
                && edges.last().is_none_or(|last| last < edge)
            {
                edges.push(*edge);
            }
        }
        let mut counts = vec![Counts::new(classes); edges.len() + 1];
        for (value, class) in rows.iter() {
            counts[edges.partition_point(|edge| edge <= value)].push(usize::from(*class));
        }
        Self { edges, bins: counts.iter().map(Counts::frequencies).collect() }
    }

    /// The frequencies of the number's bin; NaN for a NaN.
    pub(super) fn probabilities(&self, value: f64, classes: usize) -> Vec<f64> {
        if value.is_nan() {
            return vec![f64::NAN; classes];
        }
        match self.bins.get(self.edges.partition_point(|edge| *edge <= value)) {
            Some(bin) => bin.probabilities(),
            None => vec![f64::NAN; classes],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bin_has_its_own_frequencies() {
        let mut rows: Vec<(f64, u8)> = (0..1_000).map(|row| (f64::from(row), u8::from(row >= 500))).collect();
        let table = BinnedFrequencies::fit(&mut rows, 2, 4);
        assert!(table.probabilities(100.0, 2)[0] > 0.99 && table.probabilities(2_000.0, 2)[1] > 0.99);
        assert!(table.probabilities(f64::NAN, 2)[0].is_nan());
    }

    #[test]
    fn no_rows_and_equal_rows_are_one_bin() {
        assert_eq!(BinnedFrequencies::fit(&mut [], 2, 4).probabilities(0.0, 2), [0.5, 0.5]);
        let table = BinnedFrequencies::fit(&mut [(1.0, 0), (1.0, 0)], 2, 4);
        assert_eq!(table.probabilities(1.0, 2), [0.75, 0.25]);
    }
}
