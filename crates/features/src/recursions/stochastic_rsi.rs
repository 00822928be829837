//! Where RSI stands in its own range.

use serde::{Deserialize, Serialize};

use super::wilder_gains::WilderGains;
use crate::window::{Recursion, highest, lowest};

const PERIOD: usize = 14;

/// Hundredths within which RSI counts as standing still. Without changes of price its mean gain and loss shrink alike,
/// and what is left of its range is rounding.
const STILL: f64 = 1e-9;

/// RSI over 14 and its place in its range over 14.
///
/// Source: TA-Lib `STOCHRSI` (fast %K), the same order of operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StochasticRsi {
    gains: WilderGains,
    /// How many values of RSI were seen, up to the period.
    count: usize,
    /// The oldest first.
    values: [f64; PERIOD],
    last: f64,
}

impl StochasticRsi {
    /// A blank state.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            gains: WilderGains::for_rsi(PERIOD as u32),
            count: 0,
            values: [f64::NAN; PERIOD],
            last: f64::NAN,
        }
    }

    /// RSI, 0 to 100; NaN before the seed.
    #[must_use]
    pub const fn rsi(&self) -> f64 {
        self.last
    }

    /// RSI's place in its range, 0 to 100; 0 for one that stands still, NaN before there are enough values.
    #[must_use]
    pub fn value(&self) -> f64 {
        if self.count < PERIOD {
            return f64::NAN;
        }
        let low = lowest(&self.values);
        let range = highest(&self.values) - low;
        if range < STILL { 0.0 } else { 100.0 * ((self.last - low) / range) }
    }
}

impl Default for StochasticRsi {
    fn default() -> Self {
        Self::new()
    }
}

impl Recursion for StochasticRsi {
    type Input = f64;

    #[inline]
    fn update(&mut self, price: f64) {
        self.gains.update(price);
        self.last = self.gains.rsi();
        if !self.last.is_nan() {
            self.values.copy_within(1.., 0);
            self.values[PERIOD - 1] = self.last;
            self.count = (self.count + 1).min(PERIOD);
        }
    }
}
