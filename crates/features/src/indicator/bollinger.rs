//! Bollinger bands.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "bollinger_position_20",
            group: Group::Bands,
            window: 20,
            unit: Unit::Ratio,
            warm_up_bars: 20,
            definition: "(close - SMA(20)) / (2 population standard deviations of the close over 20): -1 at the lower band, 1 at the upper",
            source: "TA-Lib BBANDS(20, 2, 2)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "bollinger_width_20",
            group: Group::Bands,
            window: 20,
            unit: Unit::Ratio,
            warm_up_bars: 20,
            definition: "(upper - lower band) / SMA(20), two standard deviations each way",
            source: "TA-Lib BBANDS(20, 2, 2)",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let moments = bar.summaries.close_20.moments();
    let half = 2.0 * moments.standard_deviation();
    out[0] = ratio(bar.kline.close - moments.mean, half);
    out[1] = 2.0 * half / moments.mean;
}
