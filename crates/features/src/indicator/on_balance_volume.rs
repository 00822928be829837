//! Slope of on-balance volume.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::ratio;
use crate::window::sum::sums_of_pairs;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "obv_slope_16",
            group: Group::VolumeAndFlow,
            window: 16,
            unit: Unit::Ratio,
            warm_up_bars: 17,
            definition: "least-squares slope of on-balance volume over 16 bars over their mean volume",
            source: "TA-Lib OBV and LINEARREG_SLOPE",
            inputs: &[Input::Close, Input::Volume],
        },
        FeatureDefinition {
            name: "obv_slope_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "least-squares slope of on-balance volume over 96 bars over their mean volume",
            source: "TA-Lib OBV and LINEARREG_SLOPE",
            inputs: &[Input::Close, Input::Volume],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] =
        slope(bar.history.last(Column::SignedVolume, 16), &SHORT, bar.summaries.volume_16.moments().mean);
    out[1] = slope(bar.history.last(Column::SignedVolume, 96), &DAY, bar.summaries.volume_96.moments().mean);
}

/// Where the running sum began does not matter for its slope, so each signed volume counts as often as it is seen from
/// the middle: the value at place k stands in the sums of k and later, whose places less the middle add up to
/// `k (n - k) / 2`.
const fn weights<const COUNT: usize>() -> [f64; COUNT] {
    let mut weights = [0.0; COUNT];
    let mut place = 0;
    while place < COUNT {
        weights[place] = (place * (COUNT - place)) as f64 / 2.0;
        place += 1;
    }
    weights
}

const SHORT: [f64; 16] = weights();
const DAY: [f64; 96] = weights();

fn slope(signed: &[f64], weights: &[f64], volume: f64) -> f64 {
    let count = weights.len() as f64;
    let [total] = sums_of_pairs(signed, weights, |value, weight| [value * weight]);
    ratio(total / (count * (count * count - 1.0) / 12.0), volume)
}
