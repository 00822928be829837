//! The volatility and the activity of the market, and the symbol against it.

use super::{CrossBar, CrossIndicator};
use crate::definition::{FeatureDefinition, Group, Input, Unit};
use crate::window::ratio;

pub(super) const INDICATOR: CrossIndicator = CrossIndicator {
    definitions: &[
        FeatureDefinition {
            name: "market_volatility_4",
            group: Group::CrossSymbol,
            window: 4,
            unit: Unit::LogReturn,
            warm_up_bars: 5,
            definition: "mean over all symbols of realised_volatility_4",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "market_volatility_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "mean over all symbols of realised_volatility_96",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "relative_volatility_4",
            group: Group::CrossSymbol,
            window: 4,
            unit: Unit::Ratio,
            warm_up_bars: 5,
            definition: "realised_volatility_4 / market_volatility_4",
            source: "klinecast",
            inputs: &[Input::Close, Input::Market],
        },
        FeatureDefinition {
            name: "relative_volatility_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "realised_volatility_96 / market_volatility_96",
            source: "klinecast",
            inputs: &[Input::Close, Input::Market],
        },
        FeatureDefinition {
            name: "market_volume_ratio_4_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 96,
            definition: "mean over all symbols of volume_ratio_4_96",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "relative_volume_4_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 96,
            definition: "volume_ratio_4_96 / market_volume_ratio_4_96",
            source: "klinecast",
            inputs: &[Input::Volume, Input::Market],
        },
    ],
    compute,
};

fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    let (own, market) = (bar.own.summary(), bar.market);
    out[0] = market.volatility_4;
    out[1] = market.volatility_96;
    out[2] = ratio(own.volatility_4, market.volatility_4);
    out[3] = ratio(own.volatility_96, market.volatility_96);
    out[4] = market.volume_ratio;
    out[5] = ratio(own.volume_ratio, market.volume_ratio);
}
