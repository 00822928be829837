//! The present move against its past.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::Moments;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "momentum_z_16_96",
        group: Group::Momentum,
        window: 112,
        unit: Unit::StandardDeviations,
        warm_up_bars: 112,
        definition: "standard deviations of return_16 above its mean over 96 bars",
        source: "klinecast",
        inputs: &[Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let moves = bar.history.last(Column::LogReturn16, 96);
    out[0] = Moments::of(moves).z_score(bar.history.at(Column::LogReturn16, 0));
}
