//! Log returns in units of the volatility that is known.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "scaled_return_1",
            group: Group::Returns,
            window: 1,
            unit: Unit::StandardDeviations,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "ln(close / close 1 bars ago) / (ewma_volatility_94 * sqrt(1))",
            source: "log return over RiskMetrics volatility",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "scaled_return_4",
            group: Group::Returns,
            window: 4,
            unit: Unit::StandardDeviations,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "ln(close / close 4 bars ago) / (ewma_volatility_94 * sqrt(4))",
            source: "log return over RiskMetrics volatility",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "scaled_return_16",
            group: Group::Returns,
            window: 16,
            unit: Unit::StandardDeviations,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "ln(close / close 16 bars ago) / (ewma_volatility_94 * sqrt(16))",
            source: "log return over RiskMetrics volatility",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "scaled_return_96",
            group: Group::Returns,
            window: 96,
            unit: Unit::StandardDeviations,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "ln(close / close 96 bars ago) / (ewma_volatility_94 * sqrt(96))",
            source: "log return over RiskMetrics volatility",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

const WINDOWS: [usize; 4] = [1, 4, 16, 96];

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let volatility = bar.recursions.ewma_variance_94.volatility();
    for ((value, window), log_return) in out.iter_mut().zip(WINDOWS).zip(bar.returns) {
        *value = ratio(log_return, volatility * (window as f64).sqrt());
    }
}
