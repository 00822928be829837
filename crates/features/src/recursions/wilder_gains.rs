//! Wilder's mean gain and loss, from which RSI and CMO are made.

use serde::{Deserialize, Serialize};

use crate::history::ZERO;
use crate::window::Recursion;

/// Wilder's smoothed mean gain and mean loss of a price, from which RSI and CMO are made.
///
/// Source: TA-Lib 0.8 `RSI` and `CMO`, the same order of operations: seeded with the plain means of the first `period`
/// changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WilderGains {
    period: u32,
    /// Whether the smoothing divides by the period or multiplies by its reciprocal, which gives other last bits.
    divides: bool,
    /// How many inputs were seen, up to `period + 1`.
    count: u32,
    previous: f64,
    gain: f64,
    loss: f64,
}

impl WilderGains {
    /// A blank state with the arithmetic of TA-Lib's RSI; a period below 1 is taken for 1.
    #[must_use]
    pub const fn for_rsi(period: u32) -> Self {
        Self::new(period, false)
    }

    /// A blank state with the arithmetic of TA-Lib's CMO; a period below 1 is taken for 1.
    #[must_use]
    pub const fn for_cmo(period: u32) -> Self {
        Self::new(period, true)
    }

    const fn new(period: u32, divides: bool) -> Self {
        let period = if period == 0 { 1 } else { period };
        Self { period, divides, count: 0, previous: f64::NAN, gain: 0.0, loss: 0.0 }
    }

    /// The relative strength index, 0 to 100; 0 for a price that does not move, NaN before the seed.
    #[must_use]
    pub fn rsi(&self) -> f64 {
        self.share(self.gain)
    }

    /// Chande's momentum oscillator, -100 to 100; 0 for a price that does not move, NaN before the seed.
    #[must_use]
    pub fn cmo(&self) -> f64 {
        self.share(self.gain - self.loss)
    }

    fn share(&self, part: f64) -> f64 {
        let whole = self.gain + self.loss;
        if self.count <= self.period {
            f64::NAN
        } else if whole.abs() < ZERO {
            0.0
        } else {
            100.0 * (part / whole)
        }
    }
}

impl Recursion for WilderGains {
    type Input = f64;

    #[inline]
    fn update(&mut self, price: f64) {
        let change = price - self.previous;
        self.previous = price;
        let period = f64::from(self.period);
        if self.count > self.period {
            self.loss *= period - 1.0;
            self.gain *= period - 1.0;
        }
        if self.count > 0 {
            if change < 0.0 {
                self.loss -= change;
            } else {
                self.gain += change;
            }
        }
        if self.count >= self.period {
            if self.divides {
                self.loss /= period;
                self.gain /= period;
            } else {
                let share = 1.0 / period;
                self.loss *= share;
                self.gain *= share;
            }
        }
        self.count = (self.count + 1).min(self.period + 1);
    }
}
