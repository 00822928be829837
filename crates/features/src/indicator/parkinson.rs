//! Volatility from the range.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::mean;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "parkinson_4",
            group: Group::Volatility,
            window: 4,
            unit: Unit::LogReturn,
            warm_up_bars: 4,
            definition: "root of the mean of ln(high/low)^2 / (4 ln 2) over 4 bars",
            source: "M. Parkinson, The Extreme Value Method for Estimating the Variance of the Rate of Return (1980)",
            inputs: &[Input::High, Input::Low],
        },
        FeatureDefinition {
            name: "parkinson_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 96,
            definition: "root of the mean of ln(high/low)^2 / (4 ln 2) over 96 bars",
            source: "M. Parkinson, The Extreme Value Method for Estimating the Variance of the Rate of Return (1980)",
            inputs: &[Input::High, Input::Low],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let means = [mean(bar.history.last(Column::ParkinsonTerm, 4)), bar.summaries.parkinson_96.mean()];
    for (value, mean) in out.iter_mut().zip(means) {
        *value = (mean / (4.0 * std::f64::consts::LN_2)).sqrt();
    }
}
