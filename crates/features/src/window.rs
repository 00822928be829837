//! Exact rolling kernels: every result depends on nothing but the window's content and where it lies in time.
//!
//! A [`RollingWindow`] keeps the last values in one piece of memory. Short windows are gone over as a whole, in a fixed
//! order, by free functions over slices; long ones are [`Sliding`] summaries, which cost the same whatever their length.
//! Neither ever subtracts what has left, so nothing drifts, an outlier leaves no trace once it has gone, and the bits do
//! not depend on what stood before.

pub mod anchored;
pub mod comoments;
pub mod ewma_variance;
pub mod extreme;
pub mod moments;
pub mod regression;
pub mod rolling;
pub mod sliding;
pub mod sum;
pub mod terms;

pub use anchored::{Anchored, Recursion};
pub use comoments::Comoments;
pub use ewma_variance::{AnchoredEwmaVariance, EwmaVariance};
pub use extreme::{bars_since_highest, bars_since_lowest, highest, lowest};
pub use moments::Moments;
pub use regression::Regression;
pub use rolling::RollingWindow;
pub use sliding::Sliding;
pub use sum::{mean, sum, sum_of, weighted_mean};

/// The natural log return from one price to another: `ln(to / from)`.
#[must_use]
pub fn log_return(from: f64, to: f64) -> f64 {
    libm::log(to / from)
}

/// The quotient, and 0 for a denominator of 0 (nothing over nothing is taken for neutral). NaN stays NaN.
#[must_use]
pub fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 && !numerator.is_nan() { 0.0 } else { numerator / denominator }
}
