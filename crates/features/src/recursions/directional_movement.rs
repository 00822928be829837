//! Directional movement.

use serde::{Deserialize, Serialize};

use super::average_true_range::HighLowClose;
use crate::history::{ZERO, true_range};
use crate::window::Recursion;

/// Wilder's directional indicators and their average index.
///
/// Source: TA-Lib `ADX`, `PLUS_DI` and `MINUS_DI`, the same order of operations: movements and ranges of the first
/// `period - 1` changes are summed, then smoothed; the first ADX is the plain mean of `period` values of DX.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectionalMovement {
    period: u32,
    /// How many bars were seen, up to `2 * period`.
    count: u32,
    previous: [f64; 3],
    plus: f64,
    minus: f64,
    range: f64,
    /// The sum of DX until the seed, then ADX.
    index: f64,
}

impl DirectionalMovement {
    /// A blank state; a period below 2 is taken for 2.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        let period = if period < 2 { 2 } else { period };
        Self { period, count: 0, previous: [f64::NAN; 3], plus: 0.0, minus: 0.0, range: 0.0, index: 0.0 }
    }

    /// The rising indicator, 0 to 100; NaN before it is seeded.
    #[must_use]
    pub fn plus(&self) -> f64 {
        self.indicator(self.plus)
    }

    /// The falling indicator, 0 to 100; NaN before it is seeded.
    #[must_use]
    pub fn minus(&self) -> f64 {
        self.indicator(self.minus)
    }

    /// The average directional index, 0 to 100; NaN before it is seeded.
    #[must_use]
    pub fn adx(&self) -> f64 {
        if self.count < 2 * self.period { f64::NAN } else { self.index }
    }

    fn indicator(&self, movement: f64) -> f64 {
        if self.count <= self.period {
            f64::NAN
        } else if self.range.abs() < ZERO {
            0.0
        } else {
            100.0 * (movement / self.range)
        }
    }

    /// The directional index of the present bar, where there is any movement.
    fn dx(&self) -> Option<f64> {
        let (plus, minus) = (100.0 * (self.plus / self.range), 100.0 * (self.minus / self.range));
        let both = minus + plus;
        (self.range.abs() >= ZERO && both.abs() >= ZERO).then(|| 100.0 * ((minus - plus).abs() / both))
    }
}

impl Recursion for DirectionalMovement {
    type Input = HighLowClose;

    #[inline]
    fn update(&mut self, HighLowClose { high, low, close }: HighLowClose) {
        let [previous_high, previous_low, previous_close] = self.previous;
        self.previous = [high, low, close];
        let period = f64::from(self.period);
        if self.count > 0 {
            if self.count >= self.period {
                self.minus -= self.minus / period;
                self.plus -= self.plus / period;
                self.range -= self.range / period;
            }
            let (rise, fall) = (high - previous_high, previous_low - low);
            if fall > 0.0 && rise < fall {
                self.minus += fall;
            } else if rise > 0.0 && rise > fall {
                self.plus += rise;
            }
            self.range += true_range(high, low, previous_close);
        }
        if self.count >= self.period
            && let Some(dx) = self.dx()
        {
            self.index = if self.count < 2 * self.period {
                self.index + dx
            } else {
                (self.index * (period - 1.0) + dx) / period
            };
        }
        self.count = (self.count + 1).min(2 * self.period + 1);
        if self.count == 2 * self.period {
            self.index /= period;
        }
    }
}
