//! How a volatility forecast errs, and what that makes of the regime's classes.

use serde::{Deserialize, Serialize};

/// How many quantiles are kept: every percent from the least to the largest.
const QUANTILES: usize = 101;

/// No class is ever called less likely than this.
const LEAST_PROBABILITY: f64 = 0.002;

/// The empirical distribution of `ln(outcome) - ln(forecast)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Residuals(Vec<f64>);

impl Residuals {
    /// Keeps the quantiles of residuals, which it sorts.
    pub(super) fn fit(residuals: &mut [f64]) -> Self {
        residuals.sort_by(f64::total_cmp);
        let last = residuals.len().saturating_sub(1);
        let quantiles = (0..QUANTILES)
            .filter_map(|percent| residuals.get(last * percent / (QUANTILES - 1)).copied())
            .collect();
        Self(quantiles)
    }

    /// The probabilities of `low`, `normal` and `high` if the log volatility is forecast as `log_forecast`; NaN if
    /// anything is missing.
    pub(super) fn regime(&self, log_forecast: f64, log_cuts: [f64; 2]) -> Vec<f64> {
        let below = log_cuts.map(|cut| self.below(cut - log_forecast));
        let floor = |probability: f64| {
            if probability.is_nan() { f64::NAN } else { probability.max(LEAST_PROBABILITY) }
        };
        let raw = [below[0], below[1] - below[0], 1.0 - below[1]].map(floor);
        let sum = raw[0] + raw[1] + raw[2];
        raw.map(|probability| probability / sum).to_vec()
    }

    /// The share of residuals below `value`, linear between quantiles.
    fn below(&self, value: f64) -> f64 {
        let above = self.0.partition_point(|quantile| *quantile <= value);
        if value.is_nan() || self.0.is_empty() {
            return f64::NAN;
        }
        if above == 0 {
            return 0.0;
        }
        if above == self.0.len() {
            return 1.0;
        }
        let (low, high) = (self.0[above - 1], self.0[above]);
        ((above - 1) as f64 + (value - low) / (high - low)) / (self.0.len() - 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_follow_the_distance_to_the_cuts() {
        let mut even: Vec<f64> = (0..=1_000).map(|step| f64::from(step) / 500.0 - 1.0).collect();
        let residuals = Residuals::fit(&mut even);
        let middle = residuals.regime(0.0, [-0.5, 0.5]);
        for (found, expected) in middle.iter().zip([0.25, 0.5, 0.25]) {
            assert!((found - expected).abs() < 1e-9, "{middle:?}");
        }
        let high = residuals.regime(9.0, [-0.5, 0.5]);
        assert!(high[2] > 0.99 && high[0] > 0.0 && (high.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(residuals.regime(f64::NAN, [0.0, 1.0]).iter().all(|p| p.is_nan()));
        assert!(Residuals::fit(&mut []).regime(0.0, [0.0, 1.0]).iter().all(|p| p.is_nan()));
    }
}
