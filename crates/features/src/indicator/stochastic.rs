//! Stochastic oscillator.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{highest, lowest};

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

const PERIOD: usize = 14;

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let fast: [f64; 5] = std::array::from_fn(|back| fast(bar, back));
    let slow: [f64; 3] = std::array::from_fn(|back| (fast[back + 2] + fast[back + 1] + fast[back]) / 3.0);
    out[0] = slow[0];
    out[1] = (slow[2] + slow[1] + slow[0]) / 3.0;
}

/// Where the close stood in its range so many bars ago; 0 where there was no range, as TA-Lib has it.
fn fast(bar: &Bar<'_>, back: usize) -> f64 {
    let low = lowest(bar.history.before(Column::Low, back, PERIOD));
    let unit = (highest(bar.history.before(Column::High, back, PERIOD)) - low) / 100.0;
    if unit == 0.0 { 0.0 } else { (bar.history.at(Column::Close, back) - low) / unit }
}
