//! The age of a day's extremes.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "bars_since_high_96",
            group: Group::Bands,
            window: 96,
            unit: Unit::Bars,
            warm_up_bars: 96,
            definition: "bars since the highest high of 96 bars, the latest of equals",
            source: "klinecast, after T. Chande, Aroon (1995)",
            inputs: &[Input::High],
        },
        FeatureDefinition {
            name: "bars_since_low_96",
            group: Group::Bands,
            window: 96,
            unit: Unit::Bars,
            warm_up_bars: 96,
            definition: "bars since the lowest low of 96 bars, the latest of equals",
            source: "klinecast, after T. Chande, Aroon (1995)",
            inputs: &[Input::Low],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.summaries.high_96.items_since();
    out[1] = bar.summaries.low_96.items_since();
}
