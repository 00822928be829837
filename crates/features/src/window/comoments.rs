//! Covariance, beta and correlation of two windows.

use super::ratio;
use super::sum::sums_of_pairs;

/// Second moments of two windows of the same length, in two passes, measured from the newest pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comoments {
    /// Population variance of x.
    pub variance_x: f64,
    /// Population variance of y.
    pub variance_y: f64,
    /// Population covariance.
    pub covariance: f64,
}

impl Comoments {
    /// Measures two windows; NaN if they are empty, differ in length or hold a NaN.
    #[must_use]
    pub fn of(x: &[f64], y: &[f64]) -> Self {
        let nothing = Self { variance_x: f64::NAN, variance_y: f64::NAN, covariance: f64::NAN };
        let (Some(&newest_x), Some(&newest_y)) = (x.last(), y.last()) else {
            return nothing;
        };
        if x.len() != y.len() {
            return nothing;
        }
        let count = x.len() as f64;
        let [sum_x, sum_y] = sums_of_pairs(x, y, |x, y| [x - newest_x, y - newest_y]);
        let (mean_x, mean_y) = (newest_x + sum_x / count, newest_y + sum_y / count);
        let [variance_x, variance_y, covariance] = sums_of_pairs(x, y, |x, y| {
            let (x, y) = (x - mean_x, y - mean_y);
            [x * x, y * y, x * y]
        });
        Self {
            variance_x: variance_x / count,
            variance_y: variance_y / count,
            covariance: covariance / count,
        }
    }

    /// The slope of y on x; 0 where x is constant.
    #[must_use]
    pub fn beta(&self) -> f64 {
        ratio(self.covariance, self.variance_x)
    }

    /// Pearson's correlation within -1 to 1; 0 where either is constant.
    #[must_use]
    pub fn correlation(&self) -> f64 {
        // The roots are taken apart, since the product of two tiny variances can be 0.
        ratio(self.covariance, self.variance_x.sqrt() * self.variance_y.sqrt()).clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_has_its_slope_and_a_constant_nothing() {
        let x: Vec<f64> = (0..50).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|x| 3.0 - 2.0 * x).collect();
        assert_eq!((Comoments::of(&x, &y).beta(), Comoments::of(&x, &y).correlation()), (-2.0, -1.0));
        assert_eq!(Comoments::of(&[0.1; 50], &y).beta(), 0.0);
        assert_eq!(Comoments::of(&y, &[0.1; 50]).correlation(), 0.0);
        assert!(Comoments::of(&x, &y[1..]).beta().is_nan());
    }

    proptest! {
        #[test]
        fn covariance_agrees_with_exact_integers(pairs in prop::collection::vec((-999i64..999, -999i64..999), 1..100)) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(x, y)| (*x as f64, *y as f64)).unzip();
            let n = pairs.len() as i64;
            let (sx, sy): (i64, i64) = (pairs.iter().map(|p| p.0).sum(), pairs.iter().map(|p| p.1).sum());
            let sxy: i64 = pairs.iter().map(|p| p.0 * p.1).sum();
            let exact = (sxy * n - sx * sy) as f64 / (n * n) as f64;
            prop_assert!((Comoments::of(&x, &y).covariance - exact).abs() <= 1e-9);
        }
    }
}
