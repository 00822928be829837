//! The last closed bar of each higher timeframe: with 15-minute bars an hour, four hours and a day in UTC.

use super::{Bar, FeatureDefinition, Group, Indicator, Input, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        define(
            "higher_return_4",
            4,
            Unit::LogReturn,
            8,
            "log return of the last closed bar of 4 bars, from the close of the one before",
            &[Input::Close, Input::Time],
        ),
        define(
            "higher_range_4",
            4,
            Unit::LogReturn,
            7,
            "ln(high / low) of the last closed bar of 4 bars",
            &[Input::High, Input::Low, Input::Time],
        ),
        define(
            "higher_close_location_4",
            4,
            Unit::Ratio,
            7,
            "((close - low) - (high - close)) / (high - low) of the last closed bar of 4 bars",
            &[Input::High, Input::Low, Input::Close, Input::Time],
        ),
        define(
            "higher_return_16",
            16,
            Unit::LogReturn,
            32,
            "log return of the last closed bar of 16 bars, from the close of the one before",
            &[Input::Close, Input::Time],
        ),
        define(
            "higher_range_16",
            16,
            Unit::LogReturn,
            31,
            "ln(high / low) of the last closed bar of 16 bars",
            &[Input::High, Input::Low, Input::Time],
        ),
        define(
            "higher_close_location_16",
            16,
            Unit::Ratio,
            31,
            "((close - low) - (high - close)) / (high - low) of the last closed bar of 16 bars",
            &[Input::High, Input::Low, Input::Close, Input::Time],
        ),
        define(
            "higher_return_96",
            96,
            Unit::LogReturn,
            192,
            "log return of the last closed bar of 96 bars, from the close of the one before",
            &[Input::Close, Input::Time],
        ),
        define(
            "higher_range_96",
            96,
            Unit::LogReturn,
            191,
            "ln(high / low) of the last closed bar of 96 bars",
            &[Input::High, Input::Low, Input::Time],
        ),
        define(
            "higher_close_location_96",
            96,
            Unit::Ratio,
            191,
            "((close - low) - (high - close)) / (high - low) of the last closed bar of 96 bars",
            &[Input::High, Input::Low, Input::Close, Input::Time],
        ),
    ],
    compute,
};

/// A feature of a higher timeframe.
pub(super) const fn define(
    name: &'static str,
    window: u32,
    unit: Unit,
    warm_up_bars: u32,
    definition: &'static str,
    inputs: &'static [Input],
) -> FeatureDefinition {
    FeatureDefinition {
        name,
        group: Group::HigherTimeframe,
        window,
        unit,
        warm_up_bars,
        definition,
        source: "klinecast, bars begin at bar indices that are multiples of their length",
        inputs,
    }
}

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    for (values, frame) in out.as_chunks_mut::<3>().0.iter_mut().zip(bar.higher.frames()) {
        let closed = frame.closed();
        *values = [closed.log_return, closed.range, closed.location];
    }
}
