//! How many symbols rose.

use super::{CrossBar, CrossIndicator};
use crate::definition::{FeatureDefinition, Group, Input, Unit};

pub(super) const INDICATOR: CrossIndicator = CrossIndicator {
    definitions: &[
        FeatureDefinition {
            name: "breadth_1",
            group: Group::CrossSymbol,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 2,
            definition: "share of the symbols whose close rose over 1 bar",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "breadth_16",
            group: Group::CrossSymbol,
            window: 16,
            unit: Unit::Ratio,
            warm_up_bars: 17,
            definition: "share of the symbols whose close rose over 16 bars",
            source: "klinecast",
            inputs: &[Input::Market],
        },
    ],
    compute,
};

fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    out[0] = bar.market.returns[0].breadth;
    out[1] = bar.market.returns[2].breadth;
}
