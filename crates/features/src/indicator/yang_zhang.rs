//! Volatility from gap, range and body that allows for drift.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::summaries::Summaries;
use crate::window::Sliding;
use crate::window::terms::{Powers, Total};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "yang_zhang_16",
            group: Group::Volatility,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 17,
            definition: "root of sample variance of ln(open/previous close) + k * sample variance of ln(close/open) + (1 - k) * squared rogers_satchell_16, k = 0.34 / (1.34 + 17/15), over 16 bars",
            source: "D. Yang, Q. Zhang, Drift-Independent Volatility Estimation Based on High, Low, Open, and Close Prices (2000)",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "yang_zhang_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "root of sample variance of ln(open/previous close) + k * sample variance of ln(close/open) + (1 - k) * squared rogers_satchell_96, k = 0.34 / (1.34 + 97/95), over 96 bars",
            source: "D. Yang, Q. Zhang, Drift-Independent Volatility Estimation Based on High, Low, Open, and Close Prices (2000)",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let Summaries { opening_gap_16, drift_16, rogers_satchell_16, .. } = bar.summaries;
    let Summaries { opening_gap_96, drift_96, rogers_satchell_96, .. } = bar.summaries;
    out[0] = volatility(opening_gap_16, drift_16, rogers_satchell_16);
    out[1] = volatility(opening_gap_96, drift_96, rogers_satchell_96);
}

fn volatility(gap: &Sliding<Powers>, drift: &Sliding<Powers>, inner: &Sliding<Total>) -> f64 {
    let count = gap.window() as f64;
    // From n to n - 1 in the denominator.
    let sample = |terms: &Sliding<Powers>| terms.moments().variance * (count / (count - 1.0));
    let k = 0.34 / (1.34 + (count + 1.0) / (count - 1.0));
    let inner = inner.mean();
    // The terms cannot be negative, their rounded mean can.
    let inner = if inner < 0.0 { 0.0 } else { inner };
    (sample(gap) + k * sample(drift) + (1.0 - k) * inner).sqrt()
}
