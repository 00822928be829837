//! Whether probabilities mean what they say.

/// Rows whose stated probability lies in one bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// Rows in the bin.
    pub count: u64,
    /// The mean stated probability; NaN if the bin is empty.
    pub stated: f64,
    /// The share that came true; NaN if the bin is empty.
    pub happened: f64,
}

/// Rows by stated probability, in `bins` bins of equal width over 0 to 1. For a class task give the top class's
/// probability and whether it came true; for the binary task the probability of `up` and whether it went up.
#[must_use]
pub fn calibration_bins(rows: impl IntoIterator<Item = (f64, bool)>, bins: usize) -> Vec<CalibrationBin> {
    let bins = bins.max(1);
    let mut sums = vec![(0u64, 0.0, 0u64); bins];
    for (probability, happened) in rows {
        if (0.0..=1.0).contains(&probability) {
            let bin = ((probability * bins as f64) as usize).min(bins - 1);
            sums[bin].0 += 1;
            sums[bin].1 += probability;
            sums[bin].2 += u64::from(happened);
        }
    }
    sums.into_iter()
        .map(|(count, stated, happened)| CalibrationBin {
            count,
            stated: stated / count as f64,
            happened: happened as f64 / count as f64,
        })
        .collect()
}

/// The expected calibration error: the mean over rows of the distance between stated probability and share in each
/// row's bin (Naeini, Cooper and Hauskrecht 2015). NaN if there is no row.
#[must_use]
pub fn expected_calibration_error(rows: impl IntoIterator<Item = (f64, bool)>, bins: usize) -> f64 {
    let bins = calibration_bins(rows, bins);
    let total: u64 = bins.iter().map(|bin| bin.count).sum();
    let error: f64 = bins
        .iter()
        .filter(|bin| bin.count > 0)
        .map(|bin| bin.count as f64 * (bin.stated - bin.happened).abs())
        .sum();
    error / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_and_happens_as_often_has_no_error() {
        let rows = (0..100).map(|row| (0.25, row % 4 == 0));
        assert!(expected_calibration_error(rows, 10) < 1e-15);
    }

    #[test]
    fn overconfidence_is_measured_and_missing_rows_are_left_out() {
        let rows = [(0.9, true), (0.9, false), (f64::NAN, true), (1.0, true)];
        let found = expected_calibration_error(rows, 10);
        // The last bin holds all three rows: stated 2.8/3, happened 2/3.
        assert!((found - 0.8 / 3.0).abs() < 1e-12, "{found}");
        assert!(expected_calibration_error([], 10).is_nan());
    }
}
