//! Where the relative strength index stands in its own range.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::recursions::StochasticRsi;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "stochastic_rsi_14",
        group: Group::Momentum,
        window: 14,
        unit: Unit::Percent,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition: "100 * (rsi_14 - its lowest) / (its highest - its lowest) over its last 14 values, 0 where it moved less than 1e-9",
        source: "TA-Lib STOCHRSI(14, 14) fast %K, generations of 512 bars",
        inputs: &[Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.recursions.rsi_14.read().map_or(f64::NAN, StochasticRsi::value);
}
