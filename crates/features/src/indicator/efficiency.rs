//! How straight the way of the price was.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "efficiency_ratio_10",
            group: Group::Momentum,
            window: 10,
            unit: Unit::Ratio,
            warm_up_bars: 11,
            definition: "absolute change of the close over 10 bars over the sum of its absolute one-bar changes",
            source: "P. Kaufman, Smarter Trading (1995)",
            inputs: &[Input::Close],
        },
        FeatureDefinition {
            name: "efficiency_ratio_96",
            group: Group::Momentum,
            window: 96,
            unit: Unit::Ratio,
            warm_up_bars: 97,
            definition: "absolute change of the close over 96 bars over the sum of its absolute one-bar changes",
            source: "P. Kaufman, Smarter Trading (1995)",
            inputs: &[Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let ways = [(10, &bar.summaries.changes_10), (96, &bar.summaries.changes_96)];
    for (value, (window, way)) in out.iter_mut().zip(ways) {
        let distance = (bar.kline.close - bar.history.at(Column::Close, window)).abs();
        // Rounding may leave the straight way a little shorter than the distance.
        *value = ratio(distance, way.sum()).clamp(0.0, 1.0);
    }
}
