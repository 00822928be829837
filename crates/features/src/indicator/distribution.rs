//! The distribution of a day's log returns, and how they depend on those before.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{ratio, sum_of};

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
        window: DAY as u32,
        unit,
        warm_up_bars: DAY as u32 + 1,
        definition,
        source,
        inputs: &[Input::Close],
    }
}

const DAY: usize = 96;

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let count = DAY as f64;
    let deviations = deviations(bar.history.last(Column::LogReturn, DAY));
    let [squares, cubes, fourths, neighbours] = powers(&deviations);
    let (variance, third, fourth) = (squares / count, cubes / count, fourths / count);
    out[0] = ratio(third, variance * variance.sqrt());
    out[1] = if variance == 0.0 { 0.0 } else { fourth / (variance * variance) - 3.0 };
    out[2] = ratio(neighbours, squares);
    // Sums of 2, 4, 8 and 16 neighbours, each from two of the one before.
    let fours = sums_with_later::<2>(&sums_with_later::<1>(&deviations));
    let sixteens = sums_with_later::<8>(&sums_with_later::<4>(&fours));
    out[3] = variance_ratio(4, &fours, squares);
    out[4] = variance_ratio(16, &sixteens, squares);
}

/// The distances from the mean, measured from the newest value so that equal returns have none.
fn deviations(returns: &[f64]) -> [f64; DAY] {
    let newest = returns.last().copied().unwrap_or(f64::NAN);
    let shift = sum_of(returns, |r| r - newest) / DAY as f64;
    let mut deviations = [f64::NAN; DAY];
    for (deviation, r) in deviations.iter_mut().zip(returns) {
        *deviation = (r - newest) - shift;
    }
    deviations
}

const LANES: usize = 4;

/// The sums of squares, cubes, fourth powers and products of neighbours, each in four interleaved partial sums.
fn powers(deviations: &[f64; DAY]) -> [f64; 4] {
    let mut lanes = [[0.0; LANES]; 4];
    // The first value has no neighbour before it, so its chunk counts 0 for one.
    let mut before = 0.0;
    for chunk in deviations.as_chunks::<LANES>().0 {
        let earlier = [before, chunk[0], chunk[1], chunk[2]];
        for lane in 0..LANES {
            let d = chunk[lane];
            let square = d * d;
            lanes[0][lane] += square;
            lanes[1][lane] += square * d;
            lanes[2][lane] += square * square;
            lanes[3][lane] += d * earlier[lane];
        }
        before = chunk[3];
    }
    lanes.map(|[a, b, c, d]| (a + b) + (c + d))
}

/// Each value plus the one so many places later, and 0 where there is none.
#[inline]
fn sums_with_later<const PLACES: usize>(values: &[f64; DAY]) -> [f64; DAY] {
    let mut sums = [0.0; DAY];
    for place in 0..DAY - PLACES {
        sums[place] = values[place] + values[place + PLACES];
    }
    sums
}

/// Both variances with the paper's unbiased denominators. `sums` begin with those of `steps` neighbours.
fn variance_ratio(steps: usize, sums: &[f64; DAY], squares: f64) -> f64 {
    let (count, q) = (DAY as f64, steps as f64);
    let long = sum_of(&sums[..=DAY - steps], |sum| sum * sum);
    let overlapping = q * (count - q + 1.0) * (1.0 - q / count);
    ratio(long / overlapping, squares / (count - 1.0))
}
