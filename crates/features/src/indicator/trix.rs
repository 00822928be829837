//! Rate of change of a triple smoothed average.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::recursions::Trix;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "trix_15",
        group: Group::Momentum,
        window: 15,
        unit: Unit::Percent,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition: "100 * one-bar rate of change of the close's EMA(15) of EMA(15) of EMA(15)",
        source: "TA-Lib TRIX, generations of 512 bars",
        inputs: &[Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.recursions.trix_15.read().map_or(f64::NAN, Trix::value);
}
