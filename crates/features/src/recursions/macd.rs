//! Moving average convergence/divergence.

use serde::{Deserialize, Serialize};

use super::ema::Ema;
use crate::window::Recursion;

/// The difference of a fast and a slow EMA and its own EMA, the signal.
///
/// Source: TA-Lib `MACD`, the same order of operations: both averages are seeded so that they end on the same bar, the
/// signal with the plain mean of the first differences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Macd {
    /// How many inputs the fast average still lets pass, so that both are seeded on the same bar.
    waiting: u32,
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

impl Macd {
    /// A blank state for periods `fast` < `slow` and `signal` (customarily 12, 26, 9).
    #[must_use]
    pub const fn new(fast: u32, slow: u32, signal: u32) -> Self {
        Self {
            waiting: slow.saturating_sub(fast),
            fast: Ema::new(fast),
            slow: Ema::new(slow),
            signal: Ema::new(signal),
        }
    }

    /// Fast less slow average, NaN before the seed.
    #[must_use]
    pub fn line(&self) -> f64 {
        self.fast.value() - self.slow.value()
    }

    /// The average of the line, NaN before its seed.
    #[must_use]
    pub fn signal(&self) -> f64 {
        self.signal.value()
    }
}

impl Recursion for Macd {
    type Input = f64;

    #[inline]
    fn update(&mut self, price: f64) {
        if self.waiting == 0 {
            self.fast.update(price);
        } else {
            self.waiting -= 1;
        }
        self.slow.update(price);
        let line = self.line();
        if !line.is_nan() {
            self.signal.update(line);
        }
    }
}
