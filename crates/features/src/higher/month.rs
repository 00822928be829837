//! Squared returns of the last closed days.

use serde::{Deserialize, Serialize};

use crate::window::sum;

/// Base bars in a day.
const DAY: i64 = 96;

/// Days in a month.
const DAYS: usize = 30;

/// Sums of squared log returns over whole days, which begin at base bar indices that are multiples of 96.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Month {
    /// The oldest first; NaN for a day that was not seen from its beginning.
    days: [f64; DAYS],
    running: f64,
    /// Kept, since it changes once a day.
    volatility: f64,
}

impl Month {
    pub(super) const fn new() -> Self {
        Self { days: [f64::NAN; DAYS], running: f64::NAN, volatility: f64::NAN }
    }

    pub(super) fn update(&mut self, index: i64, log_return: f64) {
        let phase = index.rem_euclid(DAY);
        if phase == 0 {
            self.running = 0.0;
        }
        self.running += log_return * log_return;
        if phase == DAY - 1 {
            self.days.rotate_left(1);
            self.days[DAYS - 1] = self.running;
            self.volatility = (sum(&self.days) / (DAYS as f64 * DAY as f64)).sqrt();
        }
    }

    pub(super) const fn volatility(&self) -> f64 {
        self.volatility
    }
}
