//! Ultimate oscillator.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::ZERO;
use crate::summaries::Summaries;

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
    let Summaries { true_range_7, true_range_14, true_range_28, .. } = bar.summaries;
    let Summaries { buying_pressure_7, buying_pressure_14, buying_pressure_28, .. } = bar.summaries;
    for (range, pressure, weight) in [
        (true_range_7, buying_pressure_7, 4.0),
        (true_range_14, buying_pressure_14, 2.0),
        (true_range_28, buying_pressure_28, 1.0),
    ] {
        let range = range.sum();
        if range.is_nan() || range.abs() >= ZERO {
            total += weight * (pressure.sum() / range);
        }
    }
    out[0] = 100.0 * (total / 7.0);
}
