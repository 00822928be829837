//! Commodity channel index.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::sum_of;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "cci_20",
        group: Group::Momentum,
        window: 20,
        unit: Unit::Ratio,
        warm_up_bars: 20,
        definition: "(typical price - its mean over 20) / (0.015 * its mean absolute deviation)",
        source: "TA-Lib CCI",
        inputs: &[Input::High, Input::Low, Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let window = bar.history.last(Column::Typical, 20);
    let mean = bar.summaries.typical_20.moments().mean;
    let distance = bar.history.at(Column::Typical, 0) - mean;
    let deviation = sum_of(window, |typical| (typical - mean).abs());
    out[0] = if distance == 0.0 || deviation == 0.0 { 0.0 } else { distance / (0.015 * (deviation / 20.0)) };
}
