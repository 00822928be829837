//! Realised volatility over a month: the slowest HAR term.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "realised_volatility_month",
            group: Group::Volatility,
            window: MONTH,
            unit: Unit::LogReturn,
            warm_up_bars: WARM_UP,
            definition: "root of the mean squared log return over the last 30 closed days of 96 bars, which begin at bar indices that are multiples of 96",
            source: "F. Corsi, A Simple Approximate Long-Memory Model of Realized Volatility (2009)",
            inputs: &[Input::Close, Input::Time],
        },
        FeatureDefinition {
            name: "volatility_ratio_day_month",
            group: Group::Volatility,
            window: MONTH,
            unit: Unit::Ratio,
            warm_up_bars: WARM_UP,
            definition: "realised_volatility_96 / realised_volatility_month",
            source: "klinecast",
            inputs: &[Input::Close, Input::Time],
        },
    ],
    compute,
};

const MONTH: u32 = 30 * 96;

/// A start on a day's first bar waits longest: that day lacks its first return, 30 whole ones follow.
const WARM_UP: u32 = MONTH + 96;

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let month = bar.higher.month_volatility();
    out[0] = month;
    out[1] = ratio(bar.volatility.day, month);
}
