//! Rate of change of a triple smoothed average.

use serde::{Deserialize, Serialize};

use super::ema::Ema;
use crate::window::Recursion;

/// The one-bar rate of change, in hundredths, of an EMA of an EMA of an EMA.
///
/// Source: TA-Lib `TRIX`, the same order of operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trix {
    averages: [Ema; 3],
    previous: f64,
}

impl Trix {
    /// A blank state.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { averages: [Ema::new(period), Ema::new(period), Ema::new(period)], previous: f64::NAN }
    }

    /// The rate of change in hundredths, NaN before the seeds.
    #[must_use]
    pub fn value(&self) -> f64 {
        (self.averages[2].value() / self.previous - 1.0) * 100.0
    }
}

impl Recursion for Trix {
    type Input = f64;

    #[inline]
    fn update(&mut self, price: f64) {
        self.previous = self.averages[2].value();
        let mut input = price;
        for average in &mut self.averages {
            average.update(input);
            input = average.value();
            if input.is_nan() {
                break;
            }
        }
    }
}
