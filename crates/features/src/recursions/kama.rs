//! Kaufman's adaptive moving average.

use serde::{Deserialize, Serialize};

use crate::history::ZERO;
use crate::window::Recursion;

const PERIOD: usize = 10;

/// The fastest smoothing is an EMA's over 2, the slowest an EMA's over 30.
const SLOWEST: f64 = 2.0 / (30.0 + 1.0);
const SPAN: f64 = 2.0 / (2.0 + 1.0) - SLOWEST;

/// Kaufman's adaptive moving average over 10: the straighter the way of the price, the faster it follows.
///
/// Source: TA-Lib `KAMA`, the same seed and smoothing. TA-Lib keeps a running sum of the changes; here they are summed
/// afresh for every bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kama {
    /// How many prices were seen, up to one more than the period.
    count: usize,
    /// The last prices, the oldest first.
    prices: [f64; PERIOD],
    /// The distances between neighbours, up to the newest price.
    changes: [f64; PERIOD],
    /// The last price until the seed, then the average.
    state: f64,
    previous: f64,
}

impl Kama {
    /// A blank state.
    #[must_use]
    pub const fn new() -> Self {
        let nothing = f64::NAN;
        Self {
            count: 0,
            prices: [nothing; PERIOD],
            changes: [nothing; PERIOD],
            state: nothing,
            previous: nothing,
        }
    }

    /// The average, NaN before the seed.
    #[must_use]
    pub const fn value(&self) -> f64 {
        if self.count <= PERIOD { f64::NAN } else { self.state }
    }

    /// The average of one price ago, NaN before the seed.
    #[must_use]
    pub const fn previous(&self) -> f64 {
        self.previous
    }
}

impl Default for Kama {
    fn default() -> Self {
        Self::new()
    }
}

impl Recursion for Kama {
    type Input = f64;

    #[inline]
    fn update(&mut self, price: f64) {
        let (earlier, last) = (self.prices[0], self.prices[PERIOD - 1]);
        self.prices.copy_within(1.., 0);
        self.prices[PERIOD - 1] = price;
        self.changes.copy_within(1.., 0);
        self.changes[PERIOD - 1] = (price - last).abs();
        self.previous = self.value();
        if self.count < PERIOD {
            self.state = price;
        } else {
            let [a, b, c, d, e, f, g, h, i, j] = self.changes;
            let way = ((a + b) + (c + d)) + ((e + f) + (g + h)) + (i + j);
            let distance = price - earlier;
            let efficiency = if way <= distance || way < ZERO { 1.0 } else { (distance / way).abs() };
            let root = efficiency * SPAN + SLOWEST;
            self.state = (price - self.state) * (root * root) + self.state;
        }
        self.count = (self.count + 1).min(PERIOD + 1);
    }
}
