//! Distance of the close from simple and weighted moving averages.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::weighted_mean;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "sma_distance_50",
            group: Group::Momentum,
            window: 50,
            unit: Unit::Ratio,
            warm_up_bars: 50,
            definition: "close / SMA(50) - 1",
            source: "TA-Lib SMA",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "wma_distance_16",
            group: Group::Momentum,
            window: 16,
            unit: Unit::Ratio,
            warm_up_bars: 16,
            definition: "close / WMA(16) - 1",
            source: "TA-Lib WMA",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.kline.close / bar.summaries.close_50.mean() - 1.0;
    out[1] = bar.kline.close / weighted_mean(bar.history.last(Column::Close, 16)) - 1.0;
}
