//! What the market returned.

use super::{CrossBar, CrossIndicator};
use crate::definition::{FeatureDefinition, Group, Input, Unit};

pub(super) const INDICATOR: CrossIndicator = CrossIndicator {
    definitions: &[
        FeatureDefinition {
            name: "market_return_1",
            group: Group::CrossSymbol,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 2,
            definition: "mean over all symbols of ln(close / close 1 bar ago)",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "market_return_4",
            group: Group::CrossSymbol,
            window: 4,
            unit: Unit::LogReturn,
            warm_up_bars: 5,
            definition: "mean over all symbols of ln(close / close 4 bars ago)",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "market_return_16",
            group: Group::CrossSymbol,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 17,
            definition: "mean over all symbols of ln(close / close 16 bars ago)",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "market_return_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "mean over all symbols of ln(close / close 96 bars ago)",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "excess_return_4",
            group: Group::CrossSymbol,
            window: 4,
            unit: Unit::LogReturn,
            warm_up_bars: 5,
            definition: "ln(close / close 4 bars ago) - market_return_4",
            source: "klinecast",
            inputs: &[Input::Close, Input::Market],
        },
        FeatureDefinition {
            name: "excess_return_16",
            group: Group::CrossSymbol,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 17,
            definition: "ln(close / close 16 bars ago) - market_return_16",
            source: "klinecast",
            inputs: &[Input::Close, Input::Market],
        },
        FeatureDefinition {
            name: "excess_return_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "ln(close / close 96 bars ago) - market_return_96",
            source: "klinecast",
            inputs: &[Input::Close, Input::Market],
        },
    ],
    compute,
};

fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    for (value, panel) in out.iter_mut().zip(&bar.market.returns) {
        *value = panel.mean;
    }
    for place in 1..4 {
        out[place + 3] = bar.own.summary().returns[place] - bar.market.returns[place].mean;
    }
}
