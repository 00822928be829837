//! The shape of the last candle.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{log_return, ratio};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "body_share",
            group: Group::Candle,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "(close - open) / (high - low)",
            source: "klinecast",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "upper_wick_share",
            group: Group::Candle,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "(high - larger of open and close) / (high - low)",
            source: "klinecast",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "lower_wick_share",
            group: Group::Candle,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "(smaller of open and close - low) / (high - low)",
            source: "klinecast",
            inputs: &[Input::Open, Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "close_location",
            group: Group::Candle,
            window: 1,
            unit: Unit::Ratio,
            warm_up_bars: 1,
            definition: "((close - low) - (high - close)) / (high - low)",
            source: "klinecast",
            inputs: &[Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "range_1",
            group: Group::Candle,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 1,
            definition: "ln(high / low)",
            source: "klinecast",
            inputs: &[Input::High, Input::Low],
        },
        FeatureDefinition {
            name: "opening_gap",
            group: Group::Candle,
            window: 1,
            unit: Unit::LogReturn,
            warm_up_bars: 2,
            definition: "ln(open / previous close)",
            source: "klinecast",
            inputs: &[Input::Open, Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let (open, high, low, close) = (bar.kline.open, bar.kline.high, bar.kline.low, bar.kline.close);
    let range = high - low;
    out[0] = ratio(close - open, range);
    out[1] = ratio(high - open.max(close), range);
    out[2] = ratio(open.min(close) - low, range);
    out[3] = ratio((close - low) - (high - close), range);
    out[4] = log_return(low, high);
    out[5] = bar.history.at(Column::OpeningGap, 0);
}
