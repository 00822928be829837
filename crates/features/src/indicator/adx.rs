//! Directional movement.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        define(
            "adx_14",
            "average directional index, Wilder's smoothing over 14",
            "TA-Lib ADX, generations of 512 bars",
        ),
        define(
            "plus_di_14",
            "rising directional indicator over 14",
            "TA-Lib PLUS_DI, generations of 512 bars",
        ),
        define(
            "minus_di_14",
            "falling directional indicator over 14",
            "TA-Lib MINUS_DI, generations of 512 bars",
        ),
    ],
    compute,
};

const fn define(name: &'static str, definition: &'static str, source: &'static str) -> FeatureDefinition {
    FeatureDefinition {
        name,
        group: Group::Momentum,
        window: 14,
        unit: Unit::Percent,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition,
        source,
        inputs: &[Input::High, Input::Low, Input::Close],
    }
}

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    if let Some(movement) = bar.recursions.directional_14.read() {
        out[0] = movement.adx();
        out[1] = movement.plus();
        out[2] = movement.minus();
    }
}
