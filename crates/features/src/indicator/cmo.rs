//! Chande's momentum oscillator.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::recursions::WilderGains;

// Not over 14 bars: there it would be 2 * RSI - 100, the same column again.
pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[FeatureDefinition {
        name: "cmo_28",
        group: Group::Momentum,
        window: 28,
        unit: Unit::Percent,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition: "100 * (mean gain - mean loss) / (mean gain + mean loss) of the close, Wilder's smoothing over 28",
        source: "TA-Lib CMO, generations of 512 bars",
        inputs: &[Input::Close],
    }],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    out[0] = bar.recursions.gains_28.read().map_or(f64::NAN, WilderGains::cmo);
}
