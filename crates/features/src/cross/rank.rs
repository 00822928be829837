//! Where the symbol stands among the others.

use super::{CrossBar, CrossIndicator};
use crate::definition::{FeatureDefinition, Group, Input, Unit};

pub(super) const INDICATOR: CrossIndicator = CrossIndicator {
    definitions: &[
        FeatureDefinition {
            name: "return_rank_1",
            group: Group::CrossSymbol,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 2,
            definition: "share of the other symbols that its log return over 1 bar is above, equals counting half",
            source: "klinecast",
            inputs: &[Input::Close, Input::Market],
        },
        FeatureDefinition {
            name: "return_rank_16",
            group: Group::CrossSymbol,
            window: 16,
            unit: Unit::Ratio,
            warm_up_bars: 17,
            definition: "share of the other symbols that its log return over 16 bars is above, equals counting half",
            source: "klinecast",
            inputs: &[Input::Close, Input::Market],
        },
        FeatureDefinition {
            name: "return_rank_96",
            group: Group::CrossSymbol,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "share of the other symbols that its log return over 96 bars is above, equals counting half",
            source: "klinecast",
            inputs: &[Input::Close, Input::Market],
        },
    ],
    compute,
};

fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    for (value, place) in out.iter_mut().zip([0, 2, 3]) {
        *value = bar.market.returns[place].rank(bar.own.summary().returns[place]);
    }
}
