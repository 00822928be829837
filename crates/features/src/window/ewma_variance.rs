//! The exponentially weighted variance of returns.

use serde::{Deserialize, Serialize};

use super::{Anchored, Recursion};

/// One generation of the exponentially weighted mean of squared log returns: `v = decay * v + (1 - decay) * r^2`,
/// seeded with the first squared return after its first bar.
///
/// Source: J.P. Morgan/Reuters, "RiskMetrics: Technical Document", 4th edition, 1996, section 5.2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EwmaVariance {
    decay: f64,
    bars: u32,
    variance: f64,
}

impl EwmaVariance {
    /// A blank state with a decay between 0 and 1 (RiskMetrics takes 0.94).
    #[must_use]
    pub const fn new(decay: f64) -> Self {
        Self { decay, bars: 0, variance: f64::NAN }
    }

    /// The variance of one bar's log return.
    #[must_use]
    pub const fn variance(&self) -> f64 {
        self.variance
    }
}

impl Recursion for EwmaVariance {
    /// The bar's log return; the first bar's is ignored, since it looks before the seed.
    type Input = f64;

    fn update(&mut self, log_return: f64) {
        match self.bars {
            0 => {}
            1 => self.variance = log_return * log_return,
            _ => self.variance = self.decay * self.variance + (1.0 - self.decay) * (log_return * log_return),
        }
        self.bars = self.bars.saturating_add(1);
    }
}

/// The volatility `sigma_t` of the catalogue's column `ewma_volatility_94` and of the outcomes: one implementation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnchoredEwmaVariance(Anchored<EwmaVariance>);

impl AnchoredEwmaVariance {
    /// The decay of RiskMetrics' daily estimate, used for `sigma_t`.
    pub const RISK_METRICS: f64 = 0.94;

    /// No history yet.
    #[must_use]
    pub const fn new(decay: f64) -> Self {
        Self(Anchored::new(EwmaVariance::new(decay)))
    }

    /// Takes the log return of the bar with the given index ([`kline::BarTime::index`]).
    pub fn update(&mut self, index: i64, log_return: f64) {
        self.0.update(index, log_return);
    }

    /// The variance of one bar's log return, NaN before it is warm.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.0.read().map_or(f64::NAN, EwmaVariance::variance)
    }

    /// The standard deviation of one bar's log return, NaN before it is warm.
    #[must_use]
    pub fn volatility(&self) -> f64 {
        self.variance().sqrt()
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.0.restart();
    }
}
