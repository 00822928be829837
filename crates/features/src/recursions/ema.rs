//! The exponential moving average.

use serde::{Deserialize, Serialize};

use crate::window::Recursion;

/// The exponential moving average, seeded with the simple mean of its first `period` inputs.
///
/// Source: TA-Lib `EMA`, the same order of operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ema {
    period: u32,
    count: u32,
    /// The sum of the inputs until the seed, then the average.
    state: f64,
}

impl Ema {
    /// A blank state; a period below 1 is taken for 1.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { period: if period == 0 { 1 } else { period }, count: 0, state: 0.0 }
    }

    /// The average, NaN before the seed.
    #[must_use]
    pub fn value(&self) -> f64 {
        if self.count < self.period { f64::NAN } else { self.state }
    }
}

impl Recursion for Ema {
    type Input = f64;

    #[inline]
    fn update(&mut self, input: f64) {
        if self.count < self.period {
            self.count += 1;
            self.state += input;
            if self.count == self.period {
                self.state /= f64::from(self.period);
            }
        } else {
            let k = 2.0 / f64::from(self.period + 1);
            self.state = (input - self.state) * k + self.state;
        }
    }
}
