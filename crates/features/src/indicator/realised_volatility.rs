//! Realised volatility over an hour, four hours, a day and a week of 15-minute bars: the HAR terms.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::{Column, History};
use crate::summaries::Summaries;

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

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let Volatilities { hour, four_hours, day, week } = bar.volatility;
    out.copy_from_slice(&[hour, four_hours, day, week]);
}

/// The root of the mean squared log return over the windows of the HAR terms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Volatilities {
    /// 4 bars.
    pub(crate) hour: f64,
    /// 16 bars.
    pub(crate) four_hours: f64,
    /// 96 bars.
    pub(crate) day: f64,
    /// 672 bars.
    pub(crate) week: f64,
}

impl Volatilities {
    /// Measures a symbol's history.
    pub(crate) fn of(history: &History, summaries: &Summaries) -> Self {
        Self {
            hour: (history.at(Column::HourSquares, 0) / 4.0).sqrt(),
            four_hours: summaries.squares_16.mean().sqrt(),
            day: summaries.squares_96.mean().sqrt(),
            week: summaries.squares_672.mean().sqrt(),
        }
    }
}
