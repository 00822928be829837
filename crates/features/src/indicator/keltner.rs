//! Keltner channel.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};
use crate::recursions::{AverageTrueRange, Ema};
use crate::window::ratio;

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        FeatureDefinition {
            name: "keltner_position_20",
            group: Group::Bands,
            window: 20,
            unit: Unit::Ratio,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "(close - EMA(20)) / (2 ATR(10)): -1 at the lower line, 1 at the upper",
            source: "L. Raschke, Keltner channels; TA-Lib EMA and ATR, generations of 512 bars",
            inputs: &[Input::High, Input::Low, Input::Close],
        },
        FeatureDefinition {
            name: "keltner_width_20",
            group: Group::Bands,
            window: 20,
            unit: Unit::Ratio,
            warm_up_bars: RECURSIVE_WARM_UP,
            definition: "4 ATR(10) / EMA(20)",
            source: "L. Raschke, Keltner channels; TA-Lib EMA and ATR, generations of 512 bars",
            inputs: &[Input::High, Input::Low, Input::Close],
        },
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    let middle = bar.recursions.ema_20.read().map_or(f64::NAN, Ema::value);
    let half = 2.0 * bar.recursions.atr_10.read().map_or(f64::NAN, AverageTrueRange::value);
    out[0] = ratio(bar.kline.close - middle, half);
    out[1] = 2.0 * half / middle;
}
