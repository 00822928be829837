//! Ultimate oscillator.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::history::ZERO;
use crate::window::sum;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "ultimate_oscillator_7_14_28",
        group: Group::Momentum,
        window: 28,
        unit: Unit::Percent,
        warm_up_bars: 29,
        definition: "100 * (4 a7 + 2 a14 + a28) / 7 with a = sum of buying pressure / sum of true range",
        source: "TA-Lib ULTOSC",
        inputs: &[Input::High, Input::Low, Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let mut total = 0.0;
    for (window, weight) in [(7, 4.0), (14, 2.0), (28, 1.0)] {
        let range = sum(bar.history.last(Column::TrueRange, window));
        if range.is_nan() || range.abs() >= ZERO {
            total += weight * (sum(bar.history.last(Column::BuyingPressure, window)) / range);
        }
    }
    out[0] = 100.0 * (total / 7.0);
}
