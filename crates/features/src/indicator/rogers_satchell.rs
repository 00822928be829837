//! Volatility from range and body that allows for drift.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "rogers_satchell_16",
            group: Group::Volatility,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 16,
            definition: "root of the mean of ln(high/open) ln(high/close) + ln(low/open) ln(low/close) over 16 bars",
            source: "L. Rogers, S. Satchell, Estimating Variance from High, Low and Closing Prices (1991)",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "rogers_satchell_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 96,
            definition: "root of the mean of ln(high/open) ln(high/close) + ln(low/open) ln(low/close) over 96 bars",
            source: "L. Rogers, S. Satchell, Estimating Variance from High, Low and Closing Prices (1991)",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let variances = [bar.summaries.rogers_satchell_16.mean(), bar.summaries.rogers_satchell_96.mean()];
    for (value, variance) in out.iter_mut().zip(variances) {
        *value = if variance < 0.0 { 0.0 } else { variance.sqrt() };
    }
}
