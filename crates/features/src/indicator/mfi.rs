//! Money flow index.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};
use crate::history::Column;
use crate::window::sum_of;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "mfi_14",
        group: Group::VolumeAndFlow,
        window: 14,
        unit: Unit::Percent,
        warm_up_bars: 15,
        definition: "100 * value traded at a rising typical price over that at a rising or falling one, over 14",
        source: "TA-Lib MFI",
        inputs: &[Input::High, Input::Low, Input::Close, Input::Volume],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let window = bar.history.last(Column::SignedValue, 14);
    let rising = sum_of(window, |value| if value < 0.0 { 0.0 } else { value });
    let both = sum_of(window, f64::abs);
    out[0] = if both <= 0.0 { 0.0 } else { 100.0 * (rising / both) };
}
