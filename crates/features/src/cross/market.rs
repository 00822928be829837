//! What all symbols did together at one bar.

use crate::state::Summary;
use crate::window::{Moments, mean};

/// The returns of one window over all symbols that have one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panel {
    sorted: Vec<f64>,
    /// The equally weighted mean.
    pub(crate) mean: f64,
    /// The population standard deviation.
    pub(crate) dispersion: f64,
    /// The share that rose.
    pub(crate) breadth: f64,
}

impl Panel {
    fn measure(&mut self, returns: impl Iterator<Item = f64>) {
        self.sorted.clear();
        self.sorted.extend(returns.filter(|value| value.is_finite()));
        // The order of the symbols, not of the returns, is the order of summation.
        let moments = Moments::of(&self.sorted);
        (self.mean, self.dispersion) = (moments.mean, moments.standard_deviation());
        let rose = self.sorted.iter().filter(|value| **value > 0.0).count();
        self.breadth = rose as f64 / self.sorted.len() as f64;
        self.sorted.sort_unstable_by(f64::total_cmp);
    }

    /// The share of the others that a return is above, equals counting half: 0 to 1, and 0.5 when alone.
    pub(crate) fn rank(&self, value: f64) -> f64 {
        if !value.is_finite() {
            return f64::NAN;
        }
        let below = self.sorted.partition_point(|other| *other < value);
        let equal = self.sorted.partition_point(|other| *other <= value) - below;
        match self.sorted.len() {
            0 | 1 => 0.5,
            count => (below as f64 + 0.5 * (equal as f64 - 1.0)) / (count as f64 - 1.0),
        }
    }
}

/// The state of the whole market at one bar, and the memory to compute it without allocating.
#[derive(Debug, Clone, Default)]
pub(crate) struct Market {
    /// Of the returns over 1, 4, 16 and 96 bars.
    pub(crate) returns: [Panel; 4],
    /// Mean over the symbols of the realised volatility of 4 bars.
    pub(crate) volatility_4: f64,
    /// Mean over the symbols of the realised volatility of 96 bars.
    pub(crate) volatility_96: f64,
    /// Mean over the symbols of the volume of 4 bars over that of 96.
    pub(crate) volume_ratio: f64,
    scratch: Vec<f64>,
}

impl Market {
    /// Measures the symbols that have the bar, always in the same order.
    pub(crate) fn measure<'a>(&mut self, members: impl Iterator<Item = &'a Summary> + Clone) {
        for (place, panel) in self.returns.iter_mut().enumerate() {
            panel.measure(members.clone().map(|summary| summary.returns[place]));
        }
        self.volatility_4 = self.mean_of(members.clone().map(|summary| summary.volatility_4));
        self.volatility_96 = self.mean_of(members.clone().map(|summary| summary.volatility_96));
        self.volume_ratio = self.mean_of(members.map(|summary| summary.volume_ratio));
    }

    fn mean_of(&mut self, values: impl Iterator<Item = f64>) -> f64 {
        self.scratch.clear();
        self.scratch.extend(values.filter(|value| value.is_finite()));
        mean(&self.scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_the_others_below_and_half_of_the_equals() {
        let mut panel = Panel::default();
        panel.measure([0.3, -0.1, f64::NAN, 0.3, 0.0].into_iter());
        assert_eq!([-0.1, 0.0, 0.3].map(|value| panel.rank(value)), [0.0, 1.0 / 3.0, 2.5 / 3.0]);
        assert_eq!(panel.breadth, 0.5);
        panel.measure([0.2].into_iter());
        assert_eq!((panel.rank(0.2), panel.mean, panel.dispersion), (0.5, 0.2, 0.0));
    }
}
