//! Aroon.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "aroon_up_25",
            group: Group::Momentum,
            window: 25,
            unit: Unit::Percent,
            warm_up_bars: 26,
            definition: "100 * (25 - bars since the highest high of 26 bars) / 25",
            source: "TA-Lib AROON",
            inputs: &[Input::High],
        },
        FeatureDefinition {
            name: "aroon_down_25",
            group: Group::Momentum,
            window: 25,
            unit: Unit::Percent,
            warm_up_bars: 26,
            definition: "100 * (25 - bars since the lowest low of 26 bars) / 25",
            source: "TA-Lib AROON",
            inputs: &[Input::Low],
        },
        FeatureDefinition {
            name: "aroon_oscillator_25",
            group: Group::Momentum,
            window: 25,
            unit: Unit::Percent,
            warm_up_bars: 26,
            definition: "aroon_up_25 - aroon_down_25",
            source: "TA-Lib AROONOSC",
            inputs: &[Input::High, Input::Low],
        },
    ],
    compute,
};

const PERIOD: usize = 25;

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let factor = 100.0 / PERIOD as f64;
    let since_high = bar.summaries.high_26.items_since();
    let since_low = bar.summaries.low_26.items_since();
    out[0] = factor * (PERIOD as f64 - since_high);
    out[1] = factor * (PERIOD as f64 - since_low);
    out[2] = factor * (since_low - since_high);
}
