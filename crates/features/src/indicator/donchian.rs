//! Donchian channel.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::window::{log_return, ratio};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "donchian_position_20",
            group: Group::Bands,
            window: 20,
            unit: Unit::Ratio,
            warm_up_bars: 20,
            definition: "(2 close - highest high - lowest low) / (highest high - lowest low) over 20: -1 at the low, 1 at the high",
            source: "R. Donchian, channel rule; TA-Lib MAX and MIN",
            inputs: &[Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "donchian_position_96",
            group: Group::Bands,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 96,
            definition: "(2 close - highest high - lowest low) / (highest high - lowest low) over 96",
            source: "R. Donchian, channel rule; TA-Lib MAX and MIN",
            inputs: &[Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "donchian_width_20",
            group: Group::Bands,
            window: 20,
            unit: Unit::LogReturn,
            warm_up_bars: 20,
            definition: "ln(highest high / lowest low) over 20",
            source: "R. Donchian, channel rule; TA-Lib MAX and MIN",
            inputs: &[Input::High, Input::Low],
        },
        FeatureDefinition {
            name: "donchian_width_96",
            group: Group::Bands,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 96,
            definition: "ln(highest high / lowest low) over 96",
            source: "R. Donchian, channel rule; TA-Lib MAX and MIN",
            inputs: &[Input::High, Input::Low],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let short = (bar.summaries.high_20.highest(), bar.summaries.low_20.lowest());
    let day = (bar.summaries.high_96.highest(), bar.summaries.low_96.lowest());
    for (place, (high, low)) in [short, day].into_iter().enumerate() {
        out[place] = ratio((bar.kline.close - low) - (high - bar.kline.close), high - low);
        out[place + 2] = log_return(low, high);
    }
}
