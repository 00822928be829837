//! Log returns over several windows, and the last single ones.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::log_return;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "log_return_1",
            group: Group::Returns,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 2,
            definition: "ln(close / close 1 bar ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "return_2",
            group: Group::Returns,
            window: 2,
            unit: Unit::LogReturn,
            warm_up_bars: 3,
            definition: "ln(close / close 2 bars ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "return_4",
            group: Group::Returns,
            window: 4,
            unit: Unit::LogReturn,
            warm_up_bars: 5,
            definition: "ln(close / close 4 bars ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "return_8",
            group: Group::Returns,
            window: 8,
            unit: Unit::LogReturn,
            warm_up_bars: 9,
            definition: "ln(close / close 8 bars ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "return_16",
            group: Group::Returns,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 17,
            definition: "ln(close / close 16 bars ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "return_48",
            group: Group::Returns,
            window: 48,
            unit: Unit::LogReturn,
            warm_up_bars: 49,
            definition: "ln(close / close 48 bars ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "return_96",
            group: Group::Returns,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 97,
            definition: "ln(close / close 96 bars ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "return_288",
            group: Group::Returns,
            window: 288,
            unit: Unit::LogReturn,
            warm_up_bars: 289,
            definition: "ln(close / close 288 bars ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "return_672",
            group: Group::Returns,
            window: 672,
            unit: Unit::LogReturn,
            warm_up_bars: 673,
            definition: "ln(close / close 672 bars ago)",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "log_return_1_lag_1",
            group: Group::Returns,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 3,
            definition: "log_return_1 of 1 bar ago",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "log_return_1_lag_2",
            group: Group::Returns,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 4,
            definition: "log_return_1 of 2 bars ago",
            source: "log return",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "log_return_1_lag_3",
            group: Group::Returns,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 5,
            definition: "log_return_1 of 3 bars ago",
            source: "log return",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let over = |window: usize| log_return(bar.history.at(Column::Close, window), bar.kline.close);
    let before = |lag: usize| bar.history.at(Column::LogReturn, lag);
    let [_, hour, four_hours, day] = bar.returns;
    out[..4].copy_from_slice(&[before(0), over(2), hour, over(8)]);
    out[4..9].copy_from_slice(&[four_hours, over(48), day, over(288), over(672)]);
    out[9..].copy_from_slice(&[before(1), before(2), before(3)]);
}
