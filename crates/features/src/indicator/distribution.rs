//! The distribution of a day's log returns, and how they depend on those before.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::window::{Moments, ratio};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        define(
            "skewness_96",
            Unit::Ratio,
            "third central moment of 96 log returns over the cube of their standard deviation, 0 without spread",
            "K. Pearson, Contributions to the Mathematical Theory of Evolution II (1895)",
        ),
        define(
            "kurtosis_96",
            Unit::Ratio,
            "fourth central moment of 96 log returns over their squared variance, less 3, 0 without spread",
            "K. Pearson, Das Fehlergesetz und seine Verallgemeinerungen (1905)",
        ),
        define(
            "autocorrelation_1_96",
            Unit::Correlation,
            "sum of products of neighbouring deviations of 96 log returns over the sum of their squares, 0 without spread",
            "G. Box, G. Jenkins, Time Series Analysis (1970)",
        ),
        define(
            "variance_ratio_4_96",
            Unit::Ratio,
            "unbiased variance of overlapping 4-bar log returns within 96 over 4 times that of single ones, 0 without spread",
            "A. Lo, C. MacKinlay, Stock Market Prices Do Not Follow Random Walks (1988)",
        ),
        define(
            "variance_ratio_16_96",
            Unit::Ratio,
            "unbiased variance of overlapping 16-bar log returns within 96 over 16 times that of single ones, 0 without spread",
            "A. Lo, C. MacKinlay, Stock Market Prices Do Not Follow Random Walks (1988)",
        ),
    ],
    compute,
};

const fn define(
    name: &'static str,
    unit: Unit,
    definition: &'static str,
    source: &'static str,
) -> FeatureDefinition {
    FeatureDefinition {
        name,
        group: Group::Distribution,
        window: DAY,
        unit,
        warm_up_bars: DAY + 1,
        definition,
        source,
        inputs: &[Input::Close],
    }
}

const DAY: u32 = 96;

const COUNT: f64 = DAY as f64;

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let [mean, variance, third, fourth] = bar.summaries.log_returns_96.four_moments();
    let variance = if variance < 0.0 { 0.0 } else { variance };
    let squares = variance * COUNT;
    out[0] = ratio(third, variance * variance.sqrt());
    out[1] = if variance == 0.0 { 0.0 } else { fourth / (variance * variance) - 3.0 };
    let neighbours = &bar.summaries.pairs_of_returns_95;
    let [earlier, later] = neighbours.means();
    let products = neighbours.comoments().covariance + (earlier - mean) * (later - mean);
    out[2] = ratio(products * (COUNT - 1.0), squares);
    out[3] = variance_ratio(4.0, bar.summaries.returns_4_93.moments(), mean, squares);
    out[4] = variance_ratio(16.0, bar.summaries.returns_16_81.moments(), mean, squares);
}

/// Both variances with the paper's unbiased denominators. `long` are the returns over `steps` bars.
fn variance_ratio(steps: f64, long: Moments, mean: f64, squares: f64) -> f64 {
    let off = long.mean - steps * mean;
    let about_mean = (long.variance + off * off) * (COUNT - steps + 1.0);
    let overlapping = steps * (COUNT - steps + 1.0) * (1.0 - steps / COUNT);
    ratio(about_mean / overlapping, squares / (COUNT - 1.0))
}
