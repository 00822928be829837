//! Rate of change.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "roc_12",
        group: Group::Momentum,
        window: 12,
        unit: Unit::Percent,
        warm_up_bars: 13,
        definition: "100 * (close / close 12 bars ago - 1)",
        source: "TA-Lib ROC",
        inputs: &[Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = ((bar.kline.close / bar.history.at(Column::Close, 12)) - 1.0) * 100.0;
}
