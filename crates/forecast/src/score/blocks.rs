//! How many days in a row depend on one another, so that they are drawn again together.

/// Shorter series say nothing about how they depend on themselves.
const SERIES_LEAST: usize = 12;

/// The best length of blocks for the circular block bootstrap of a series' mean, in steps of the series: Politis and White's (2004) with
/// the correction of Patton, Politis and White (2009). Not rounded; 1 for fewer than 12 steps and for a series that does not vary.
///
/// Autocorrelations are looked at up to the first lag from which on five in a row are insignificant; twice as many go in, with a
/// trapezoidal weight.
pub(super) fn optimal_block_length(series: &[f64]) -> f64 {
    let count = series.len();
    if count < SERIES_LEAST {
        return 1.0;
    }
    let n = count as f64;
    let mean = series.iter().sum::<f64>() / n;
    let centred: Vec<f64> = series.iter().map(|value| value - mean).collect();
    let in_a_row = (libm::log10(n) as usize).max(5);
    let lags_most = n.sqrt().ceil() as usize + in_a_row;
    let product = |lag: usize| centred[lag..].iter().zip(&centred).map(|(a, b)| a * b).sum::<f64>();
    let products: Vec<f64> = (0..=lags_most).map(product).collect();
    let squares = |part: &[f64]| part.iter().map(|value| value * value).sum::<f64>();
    let insignificant = |lag: usize| {
        let [late, early] = [squares(&centred[lag + 1..]), squares(&centred[..count - lag - 1])];
        products[lag].abs() / (late * early).sqrt() < 2.0 * (libm::log10(n) / n).sqrt()
    };
    let quiet_from = (0..=lags_most - in_a_row).find(|from| (*from..from + in_a_row).all(insignificant));
    let lags = quiet_from.map_or(lags_most, |from| (2 * from.max(1)).min(lags_most));
    let (mut slope, mut long_run) = (0.0, products[0] / n);
    for (lag, product) in products.iter().enumerate().take(lags + 1).skip(1) {
        let share = lag as f64 / lags as f64;
        let weight = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        slope += 2.0 * weight * lag as f64 * product / n;
        long_run += 2.0 * weight * product / n;
    }
    let length = libm::cbrt(2.0 * slope * slope / (4.0 / 3.0 * long_run * long_run) * n);
    let most = (3.0 * n.sqrt()).min(n / 3.0).ceil();
    if length.is_nan() { 1.0 } else { length.min(most) }
}

/// [`optimal_block_length`] in whole days, at least one: outcomes reach four hours ahead at most, so rows depend by them on those of
/// the same day and the next.
pub(super) fn block_days(series: &[f64]) -> usize {
    (optimal_block_length(series).ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Case {
        series: Vec<f64>,
        expected: f64,
    }

    #[test]
    fn it_is_that_of_the_package_arch() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../tests/goldens/blocks.json")).expect("goldens");
        assert!(cases.len() >= 6);
        for Case { series, expected } in cases {
            let found = optimal_block_length(&series);
            assert!(
                (found - expected).abs() <= 1e-9 * expected,
                "{} steps: {found} {expected}",
                series.len()
            );
        }
    }

    #[test]
    fn what_says_nothing_is_drawn_step_by_step() {
        assert_eq!(optimal_block_length(&[]), 1.0);
        assert_eq!(optimal_block_length(&[1.0, 5.0, 2.0]), 1.0);
        assert_eq!((optimal_block_length(&[0.5; 40]), block_days(&[0.5; 40])), (1.0, 1));
        assert_eq!(block_days(&[f64::NAN; 40]), 1);
    }
}
