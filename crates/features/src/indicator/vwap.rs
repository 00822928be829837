//! Distance from the volume-weighted average price.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::window::log_return;

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
    let short = (bar.summaries.value_16.sum(), bar.summaries.volume_16.sum());
    let day = (bar.summaries.value_96.sum(), bar.summaries.volume_96.sum());
    for (value, (traded, volume)) in out.iter_mut().zip([short, day]) {
        let average = traded / volume;
        *value = if volume == 0.0 { 0.0 } else { log_return(average, bar.kline.close) };
    }
}
