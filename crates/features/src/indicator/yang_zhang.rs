//! Volatility from gap, range and body that allows for drift.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{Moments, mean};

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
    for (value, window) in out.iter_mut().zip([16, 96]) {
        let count = window as f64;
        // From n to n - 1 in the denominator.
        let sample =
            |column| Moments::of(bar.history.last(column, window)).variance * (count / (count - 1.0));
        let k = 0.34 / (1.34 + (count + 1.0) / (count - 1.0));
        let inner = mean(bar.history.last(Column::RogersSatchellTerm, window));
        // The terms cannot be negative, their rounded mean can.
        let inner = if inner < 0.0 { 0.0 } else { inner };
        *value = (sample(Column::OpeningGap) + k * sample(Column::Drift) + (1.0 - k) * inner).sqrt();
    }
}
