//! Stochastic oscillator.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "stochastic_k_14_3",
            group: Group::Momentum,
            window: 14,
            unit: Unit::Percent,
            warm_up_bars: 16,
            definition: "mean over 3 of 100 * (close - lowest low) / (highest high - lowest low) over 14",
            source: "TA-Lib STOCH(14, 3, SMA, 3, SMA)",
            inputs: &[Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "stochastic_d_14_3_3",
            group: Group::Momentum,
            window: 14,
            unit: Unit::Percent,
            warm_up_bars: 18,
            definition: "mean over 3 of stochastic_k_14_3",
            source: "TA-Lib STOCH(14, 3, SMA, 3, SMA)",
            inputs: &[Input::High, Input::Low, Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let fast = |back: usize| bar.history.at(Column::Stochastic, back);
    let slow = |back: usize| (fast(back + 2) + fast(back + 1) + fast(back)) / 3.0;
    out[0] = slow(0);
    out[1] = (slow(2) + slow(1) + slow(0)) / 3.0;
}
