//! Volatility from range and body.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::mean;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "garman_klass_4",
            group: Group::Volatility,
            window: 4,
            unit: Unit::LogReturn,
            warm_up_bars: 4,
            definition: "root of the mean of ln(high/low)^2 / 2 - (2 ln 2 - 1) ln(close/open)^2 over 4 bars",
            source: "M. Garman, M. Klass, On the Estimation of Security Price Volatilities from Historical Data (1980)",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "garman_klass_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 96,
            definition: "root of the mean of ln(high/low)^2 / 2 - (2 ln 2 - 1) ln(close/open)^2 over 96 bars",
            source: "M. Garman, M. Klass, On the Estimation of Security Price Volatilities from Historical Data (1980)",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let variances =
        [mean(bar.history.last(Column::GarmanKlassTerm, 4)), bar.summaries.garman_klass_96.mean()];
    for (value, variance) in out.iter_mut().zip(variances) {
        *value = if variance < 0.0 { 0.0 } else { variance.sqrt() };
    }
}
