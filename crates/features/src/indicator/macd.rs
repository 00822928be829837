//! Moving average convergence/divergence.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, RECURSIVE_WARM_UP, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        define("macd_12_26", 26, "(EMA(12) - EMA(26)) / close"),
        define("macd_signal_12_26_9", 26, "EMA(9) of (EMA(12) - EMA(26)), over close"),
        define("macd_histogram_12_26_9", 26, "((EMA(12) - EMA(26)) - its EMA(9)) / close"),
    ],
    compute,
};

const fn define(name: &'static str, window: u32, definition: &'static str) -> FeatureDefinition {
    FeatureDefinition {
        name,
        group: Group::Momentum,
        window,
        unit: Unit::Ratio,
        warm_up_bars: RECURSIVE_WARM_UP,
        definition,
        source: "TA-Lib MACD over close, generations of 512 bars",
        inputs: &[Input::Close],
    }
}

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    if let Some(macd) = bar.recursions.macd.read() {
        let (line, signal) = (macd.line(), macd.signal());
        out[0] = line / bar.kline.close;
        out[1] = signal / bar.kline.close;
        out[2] = (line - signal) / bar.kline.close;
    }
}
