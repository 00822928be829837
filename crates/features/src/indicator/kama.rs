//! Kaufman's adaptive moving average: how it moves and how far the close is from it.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::window::log_return;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "kama_distance_10",
            group: Group::Momentum,
            window: 10,
            unit: Unit::Ratio,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "close / KAMA(10) - 1",
            source: "TA-Lib KAMA, generations of 512 bars",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "kama_slope_10",
            group: Group::Momentum,
            window: 10,
            unit: Unit::LogReturn,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "ln(KAMA(10) / KAMA(10) 1 bar ago)",
            source: "TA-Lib KAMA, generations of 512 bars",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    if let Some(average) = bar.recursions.kama_10.read() {
        out[0] = bar.kline.close / average.value() - 1.0;
        out[1] = log_return(average.previous(), average.value());
    }
}
