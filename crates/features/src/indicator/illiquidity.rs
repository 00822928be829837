//! How far a unit of value moves the price.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{mean, ratio};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "amihud_ratio_4_96",
        group: Group::VolumeAndFlow,
        window: 96,
        unit: Unit::Ratio,
        warm_up_bars: 97,
        definition: "mean over 4 bars of the absolute log return over value traded, over its mean over 96 bars",
        source: "Y. Amihud, Illiquidity and stock returns (2002), relative to its own past",
        inputs: &[Input::High, Input::Low, Input::Close, Input::Volume],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = ratio(mean(bar.history.last(Column::Illiquidity, 4)), bar.summaries.illiquidity_96.mean());
}
