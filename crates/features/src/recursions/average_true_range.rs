//! Average true range.

use serde::{Deserialize, Serialize};

use crate::history::true_range;
use crate::window::Recursion;

/// High, low and close of one bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HighLowClose {
    /// High price.
    pub high: f64,
    /// Low price.
    pub low: f64,
    /// Close price.
    pub close: f64,
}

/// Wilder's smoothed mean of the true range.
///
/// Source: TA-Lib `ATR`: the first bar has no true range, the seed is the plain mean of the next `period` ones. TA-Lib 0.8
/// smooths with a fused multiply-add where the processor has one; here it is Wilder's own order, the same everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AverageTrueRange {
    period: u32,
    count: u32,
    previous_close: f64,
    /// The sum of true ranges until the seed, then their average.
    state: f64,
}

impl AverageTrueRange {
    /// A blank state; a period below 1 is taken for 1.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        let period = if period == 0 { 1 } else { period };
        Self { period, count: 0, previous_close: f64::NAN, state: 0.0 }
    }

    /// The average in price units, NaN before the seed.
    #[must_use]
    pub fn value(&self) -> f64 {
        if self.count <= self.period { f64::NAN } else { self.state }
    }
}

impl Recursion for AverageTrueRange {
    type Input = HighLowClose;

    #[inline]
    fn update(&mut self, HighLowClose { high, low, close }: HighLowClose) {
        let range = true_range(high, low, self.previous_close);
        let period = f64::from(self.period);
        if self.count > self.period {
            self.state *= period - 1.0;
            self.state += range;
            self.state /= period;
        } else if self.count > 0 {
            self.state += range;
            if self.count == self.period {
                self.state /= period;
            }
        }
        self.previous_close = close;
        self.count = (self.count + 1).min(self.period + 1);
    }
}
