//! Slope and fit of a straight line through the closes.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "linear_regression_slope_16",
            group: Group::Momentum,
            window: 16,
            unit: Unit::Ratio,
            warm_up_bars: 16,
            definition: "least-squares slope of the close over 16 bars, per bar, over close",
            source: "TA-Lib LINEARREG_SLOPE over close",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "linear_regression_slope_96",
            group: Group::Momentum,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 96,
            definition: "least-squares slope of the close over 96 bars, per bar, over close",
            source: "TA-Lib LINEARREG_SLOPE over close",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "linear_regression_r_squared_96",
            group: Group::Momentum,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 96,
            definition: "share of the variance of the close over 96 bars that the line explains",
            source: "klinecast, the square of TA-Lib CORREL of close and bar number",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.summaries.close_16.regression().slope / bar.kline.close;
    let day = bar.summaries.close_96.regression();
    out[1] = day.slope / bar.kline.close;
    out[2] = day.r_squared;
}
