//! Exponential moving averages and the distance of the close from them.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::recursions::Ema;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        define("ema_distance_20", 20, "close / EMA(20) - 1"),
        define("ema_distance_96", 96, "close / EMA(96) - 1"),
        define("ema_distance_200", 200, "close / EMA(200) - 1"),
    ],
    compute,
};

const fn define(name: &'static str, window: u32, definition: &'static str) -> FeatureDefinition {
    FeatureDefinition {
        name,
        group: Group::Momentum,
        window,
        unit: Unit::Ratio,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition,
        source: "TA-Lib EMA, generations of 512 bars",
        inputs: &[Input::Close],
    }
}

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let averages = [&bar.recursions.ema_20, &bar.recursions.ema_96, &bar.recursions.ema_200];
    for (value, average) in out.iter_mut().zip(averages) {
        *value = bar.kline.close / average.read().map_or(f64::NAN, Ema::value) - 1.0;
    }
}
