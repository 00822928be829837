//! Distance from the volume-weighted average price.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::{log_return, sum};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "vwap_distance_16",
            group: Group::VolumeAndFlow,
            window: 16,
            unit: Unit::LogReturn,
            warm_up_bars: 16,
            definition: "ln(close / average typical price of 16 bars weighted by volume), 0 without volume",
            source: "klinecast",
            inputs: &[Input::High, Input::Low, Input::Close, Input::Volume],
        },
        FeatureDefinition {
            name: "vwap_distance_96",
            group: Group::VolumeAndFlow,
            window: 96,
            unit: Unit::LogReturn,
            warm_up_bars: 96,
            definition: "ln(close / average typical price of 96 bars weighted by volume), 0 without volume",
            source: "klinecast",
            inputs: &[Input::High, Input::Low, Input::Close, Input::Volume],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    for (value, window) in out.iter_mut().zip([16, 96]) {
        let volume = sum(bar.history.last(Column::Volume, window));
        let average = sum(bar.history.last(Column::Value, window)) / volume;
        *value = if volume == 0.0 { 0.0 } else { log_return(average, bar.kline.close) };
    }
}
