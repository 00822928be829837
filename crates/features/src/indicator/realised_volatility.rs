//! Realised volatility over an hour, four hours, a day and a week of 15-minute bars: the HAR terms.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::sum_of;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "realised_volatility_4",
            group: Group::Volatility,
            window: 4,
            unit: Unit::LogReturn,
            warm_up_bars: 5,
            definition: "root of the mean squared log return over 4 bars",
            source: "F. Corsi, A Simple Approximate Long-Memory Model of Realized Volatility (2009)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "realised_volatility_16",
            group: Group::Volatility,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 17,
            definition: "root of the mean squared log return over 16 bars",
            source: "F. Corsi, A Simple Approximate Long-Memory Model of Realized Volatility (2009)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "realised_volatility_96",
            group: Group::Volatility,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "root of the mean squared log return over 96 bars",
            source: "F. Corsi, A Simple Approximate Long-Memory Model of Realized Volatility (2009)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "realised_volatility_672",
            group: Group::Volatility,
            window: 672,
            unit: Unit::LogReturn,
            warm_up_bars: 673,
            definition: "root of the mean squared log return over 672 bars",
            source: "F. Corsi, A Simple Approximate Long-Memory Model of Realized Volatility (2009)",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

const WINDOWS: [usize; 4] = [4, 16, 96, 672];

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    for (value, window) in out.iter_mut().zip(WINDOWS) {
        *value = volatility(bar, window);
    }
}

/// The root of the mean squared log return over a window.
pub(crate) fn volatility(bar: &Bar<'_>, window: usize) -> f64 {
    (sum_of(bar.history.last(Column::LogReturn, window), |r| r * r) / window as f64).sqrt()
}
