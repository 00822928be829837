//! Slope of on-balance volume.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::ratio;

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
    out[0] = slope(bar.history.last(Column::SignedVolume, 16), bar.summaries.volume_16.moments().mean);
    out[1] = slope(bar.history.last(Column::SignedVolume, 96), bar.summaries.volume_96.moments().mean);
}

/// Where the running sum began does not matter for its slope, so each signed volume counts as often as it is seen from
/// the middle: the value at place k stands in the sums of k and later, whose places less the middle add up to
/// `k (n - k) / 2`.
fn slope(signed: &[f64], volume: f64) -> f64 {
    let count = signed.len() as f64;
    let (chunks, rest) = signed.as_chunks::<4>();
    let mut lanes = [0.0; 4];
    let mut places = [0.0, 1.0, 2.0, 3.0];
    for chunk in chunks {
        for ((lane, value), place) in lanes.iter_mut().zip(chunk).zip(&mut places) {
            *lane += value * (*place * (count - *place));
            *place += 4.0;
        }
    }
    debug_assert!(rest.is_empty(), "windows are multiples of 4");
    let total = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    ratio((total / 2.0) / (count * (count * count - 1.0) / 12.0), volume)
}
