//! Exponentially weighted volatility.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "ewma_volatility_94",
            group: Group::Volatility,
            window: 17,
            unit: Unit::LogReturn,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "root of the squared log returns averaged with decay 0.94",
            source: "RiskMetrics Technical Document (1996), section 5.2; generations of 512 bars",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "ewma_volatility_99",
            group: Group::Volatility,
            window: 100,
            unit: Unit::LogReturn,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "root of the squared log returns averaged with decay 0.99",
            source: "RiskMetrics Technical Document (1996), section 5.2; generations of 512 bars",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.recursions.ewma_variance_94.volatility();
    out[1] = bar.recursions.ewma_variance_99.volatility();
}
