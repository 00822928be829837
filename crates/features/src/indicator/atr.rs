//! Average true range.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::recursions::AverageTrueRange;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "natr_14",
        group: Group::Volatility,
        window: 14,
        unit: Unit::Percent,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition: "100 * average true range / close, Wilder's smoothing over 14",
        source: "TA-Lib NATR, generations of 512 bars",
        inputs: &[Input::High, Input::Low, Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let range = bar.recursions.atr_14.read().map_or(f64::NAN, AverageTrueRange::value);
    out[0] = (range / bar.kline.close) * 100.0;
}
