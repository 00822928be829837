//! How far the symbols went apart.

use super::{CrossBar, CrossIndicator};
use crate::definition::{FeatureDefinition, Group, Input, Unit};

pub(super) const INDICATOR: CrossIndicator = CrossIndicator {
    definitions: &[
        FeatureDefinition {
            name: "dispersion_1",
            group: Group::CrossSymbol,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 2,
            definition: "population standard deviation over all symbols of the log return over 1 bar",
            source: "klinecast",
            inputs: &[Input::Market],
        },
        FeatureDefinition {
            name: "dispersion_16",
            group: Group::CrossSymbol,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 17,
            definition: "population standard deviation over all symbols of the log return over 16 bars",
            source: "klinecast",
            inputs: &[Input::Market],
        },
    ],
    compute,
};

fn compute(bar: &CrossBar<'_>, out: &mut [f64]) {
    out[0] = bar.market.returns[0].dispersion;
    out[1] = bar.market.returns[2].dispersion;
}
