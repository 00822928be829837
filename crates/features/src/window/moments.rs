//! Mean and variance of a window in two passes.

use super::sum::sum_of;

/// Mean and population variance of a window, measured from its newest value so that a constant window has exactly its
/// value for mean and exactly 0 for variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// The arithmetic mean.
    pub mean: f64,
    /// The mean squared distance from the mean (divided by n, as TA-Lib does).
    pub variance: f64,
}

impl Moments {
    /// Measures a window; NaN for an empty one or one with a NaN.
    #[must_use]
    pub fn of(window: &[f64]) -> Self {
        let Some(&newest) = window.last() else {
            return Self { mean: f64::NAN, variance: f64::NAN };
        };
        let count = window.len() as f64;
        let shift = sum_of(window, |value| value - newest) / count;
        let variance = sum_of(window, |value| {
            let distance = (value - newest) - shift;
            distance * distance
        }) / count;
        Self { mean: newest + shift, variance }
    }

    /// The square root of the variance.
    #[must_use]
    pub fn standard_deviation(&self) -> f64 {
        self.variance.sqrt()
    }

    /// How many standard deviations a value lies above the mean; 0 where there is no spread.
    #[must_use]
    pub fn z_score(&self, value: f64) -> f64 {
        super::ratio(value - self.mean, self.standard_deviation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_constant_has_no_variance_and_a_past_outlier_leaves_no_trace() {
        assert_eq!(Moments::of(&[0.1; 96]), Moments { mean: 0.1, variance: 0.0 });
        let mut window = super::super::RollingWindow::new(4);
        [1.0, 954e6, 2.0, 3.0, 4.0, 5.0].iter().for_each(|v| window.push(*v));
        assert_eq!(Moments::of(window.last(4)), Moments { mean: 3.5, variance: 1.25 });
    }

    proptest! {
        #[test]
        fn moments_agree_with_exact_integers(values in prop::collection::vec(-10_000i64..10_000, 1..100)) {
            let window: Vec<f64> = values.iter().map(|v| *v as f64).collect();
            let count = values.len() as i64;
            let total: i64 = values.iter().sum();
            let squares: i64 = values.iter().map(|v| v * v).sum();
            let exact = (squares * count - total * total) as f64 / (count * count) as f64;
            let moments = Moments::of(&window);
            prop_assert!((moments.variance - exact).abs() <= 1e-12 * exact.abs().max(1.0));
            prop_assert!((moments.mean - total as f64 / count as f64).abs() <= 1e-11);
        }
    }
}
