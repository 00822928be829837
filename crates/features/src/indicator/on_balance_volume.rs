//! Slope of on-balance volume.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{Regression, mean, ratio};

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
    out[0] = slope(bar, 16);
    out[1] = slope(bar, 96);
}

/// A running sum from the window's start: where the sum began does not matter for its slope.
fn slope(bar: &Bar<'_>, window: usize) -> f64 {
    let mut balance = [0.0; 96];
    let mut total = 0.0;
    for (sum, signed) in balance.iter_mut().zip(bar.history.last(Column::SignedVolume, window)) {
        total += signed;
        *sum = total;
    }
    let volume = mean(bar.history.last(Column::Volume, window));
    ratio(Regression::of(&balance[..window]).slope, volume)
}
