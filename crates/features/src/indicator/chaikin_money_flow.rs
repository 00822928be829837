//! Chaikin money flow.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "chaikin_money_flow_20",
        group: Group::VolumeAndFlow,
        window: 20,
        unit: Unit::Ratio,
        warm_up_bars: 20,
        definition: "volume weighted by where the close lies in the range (-1 to 1) over volume, over 20",
        source: "M. Chaikin, money flow; TA-Lib AD",
        inputs: &[Input::High, Input::Low, Input::Close, Input::Volume],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let volume = bar.summaries.volume_20.sum();
    out[0] = ratio(bar.summaries.accumulation_20.sum(), volume);
}
