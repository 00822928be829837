//! Location and scale that a few wild values do not move: the median, and the median absolute deviation of the days
//! before.

/// A normal distribution's standard deviation over its median absolute deviation.
const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;

/// The days before that say what is usual.
const TRAILING_DAYS: usize = 14;

/// A day's scale is at least this share of the whole series': a market that hardly moved for two weeks is no measure.
const SCALE_FLOOR: f64 = 0.25;

/// Fewer values have no scale; the whole series' is taken.
const VALUES_LEAST: usize = 64;

/// The upper median of values that are not NaN; NaN of none. Their order is changed.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Median and 1.4826 times the median absolute deviation of the known values.
fn location_and_scale(values: &[f64], scratch: &mut Vec<f64>) -> (f64, f64) {
    scratch.clear();
    scratch.extend(values.iter().copied().filter(|value| !value.is_nan()));
    let location = median(scratch);
    for value in scratch.iter_mut() {
        *value = (*value - location).abs();
    }
    (location, MAD_TO_DEVIATION * median(scratch))
}

/// Every value in robust standard deviations from the median, both of the 14 days before the value's day; of the whole
/// series where those days have too few values. NaN where the value is, or where the series does not move at all.
///
/// Days are counted from the first value on. The scale is at least a quarter of the whole series'.
pub(super) fn deviations(values: &[f64], bars_per_day: usize) -> Vec<f64> {
    let mut scratch = Vec::new();
    let (whole_location, whole_scale) = location_and_scale(values, &mut scratch);
    let mut found = Vec::with_capacity(values.len());
    for (day, of_day) in values.chunks(bars_per_day).enumerate() {
        let before = &values[day.saturating_sub(TRAILING_DAYS) * bars_per_day..day * bars_per_day];
        let enough = before.iter().filter(|value| !value.is_nan()).count() >= VALUES_LEAST;
        let (location, scale) = if enough {
            let (location, scale) = location_and_scale(before, &mut scratch);
            (location, scale.max(SCALE_FLOOR * whole_scale))
        } else {
            (whole_location, whole_scale)
        };
        let scale = if scale > 0.0 { scale } else { f64::NAN };
        found.extend(of_day.iter().map(|value| (value - location) / scale));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_that_of_the_days_before() {
        // 20 calm days, then 20 days that move ten times as much.
        let value = |at: usize| (if at < 2_000 { 1.0 } else { 10.0 }) * (at % 5) as f64;
        let values: Vec<f64> = (0..4_000).map(value).collect();
        let found = deviations(&values, 100);
        let greatest =
            |range: std::ops::Range<usize>| found[range].iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        assert!(greatest(0..2_000) < 2.0, "calm among calm");
        assert!(greatest(2_000..2_100) > 8.0, "the first wild day is far out, by the days before");
        assert!(greatest(3_500..4_000) < 2.0, "two weeks later it is usual");
    }

    #[test]
    fn what_does_not_move_has_no_deviations() {
        let mut values = vec![0.0; 500];
        values[300] = 1.0;
        assert!(deviations(&values, 96).iter().all(|value| value.is_nan()));
        assert!(deviations(&[], 96).is_empty() && deviations(&[f64::NAN; 3], 96).len() == 3);
    }
}
