//! The present move against its past.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;

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
    out[0] = bar.summaries.returns_16_96.moments().z_score(bar.history.at(Column::LogReturn16, 0));
}
