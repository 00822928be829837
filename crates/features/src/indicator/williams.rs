//! Williams %R.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "williams_r_28",
        group: Group::Momentum,
        window: 28,
        unit: Unit::Percent,
        warm_up_bars: 28,
        definition: "-100 * (highest high - close) / (highest high - lowest low) over 28",
        source: "TA-Lib WILLR",
        inputs: &[Input::High, Input::Low, Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let high = bar.summaries.high_28.highest();
    let unit = (high - bar.summaries.low_28.lowest()) / -100.0;
    out[0] = if unit == 0.0 { 0.0 } else { (high - bar.kline.close) / unit };
}
