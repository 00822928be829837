//! Exact rolling kernels: every result depends on nothing but the window's content.

pub mod anchored;
pub mod ewma_variance;

pub use anchored::{Anchored, Recursion};
pub use ewma_variance::{AnchoredEwmaVariance, EwmaVariance};

/// The natural log return from one price to another: `ln(to / from)`.
#[must_use]
pub fn log_return(from: f64, to: f64) -> f64 {
    libm::log(to / from)
}
