//! Relative strength index.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::recursions::{StochasticRsi, WilderGains};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        define(
            "rsi_14",
            14,
            "100 * mean gain / (mean gain + mean loss) of the close, Wilder's smoothing over 14",
        ),
        define(
            "rsi_56",
            56,
            "100 * mean gain / (mean gain + mean loss) of the close, Wilder's smoothing over 56",
        ),
    ],
    compute,
};

const fn define(name: &'static str, window: u32, definition: &'static str) -> FeatureDefinition {
    FeatureDefinition {
        name,
        group: Group::Momentum,
        window,
        unit: Unit::Percent,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition,
        source: "TA-Lib RSI, generations of 512 bars",
        inputs: &[Input::Close],
    }
}

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.recursions.rsi_14.read().map_or(f64::NAN, StochasticRsi::rsi);
    out[1] = bar.recursions.gains_56.read().map_or(f64::NAN, WilderGains::rsi);
}
