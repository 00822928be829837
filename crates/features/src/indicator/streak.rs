//! How long the price has gone one way.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "streak_16",
            group: Group::Candle,
            window: 16,
            unit: Unit::Bars,
            warm_up_bars: 17,
            definition: "number of closes in a row that rose (negative: fell), at most 16",
            source: "klinecast",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "up_share_16",
            group: Group::Candle,
            window: 16,
            unit: Unit::Ratio,
            warm_up_bars: 17,
            definition: "share of the last 16 closes that rose",
            source: "klinecast",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let returns = bar.history.last(Column::LogReturn, 16);
    if returns.first().is_none_or(|oldest| oldest.is_nan()) {
        return;
    }
    let newest = bar.history.at(Column::LogReturn, 0);
    let same = |r: &&f64| if newest > 0.0 { **r > 0.0 } else { newest < 0.0 && **r < 0.0 };
    let length = returns.iter().rev().take_while(same).count() as f64;
    out[0] = if newest < 0.0 { -length } else { length };
    out[1] = returns.iter().filter(|r| **r > 0.0).count() as f64 / returns.len() as f64;
}
