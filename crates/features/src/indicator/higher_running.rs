//! The running bar of each higher timeframe, so far.

use super::higher_closed::define;
use super::{Bar, Indicator, Input, Unit};

pub(super) const INDICATOR: Indicator = Indicator {
    definitions: &[
        define(
            "running_return_4",
            4,
            Unit::LogReturn,
            4,
            "ln(close / close of the last closed bar of 4 bars), 0 where that has just closed",
            &[Input::Close, Input::Time],
        ),
        define(
            "running_range_4",
            4,
            Unit::LogReturn,
            3,
            "ln(high / low) so far of the running bar of 4 bars, 0 where the last one has just closed",
            &[Input::High, Input::Low, Input::Time],
        ),
        define(
            "running_return_16",
            16,
            Unit::LogReturn,
            16,
            "ln(close / close of the last closed bar of 16 bars), 0 where that has just closed",
            &[Input::Close, Input::Time],
        ),
        define(
            "running_range_16",
            16,
            Unit::LogReturn,
            15,
            "ln(high / low) so far of the running bar of 16 bars, 0 where the last one has just closed",
            &[Input::High, Input::Low, Input::Time],
        ),
        define(
            "running_return_96",
            96,
            Unit::LogReturn,
            96,
            "ln(close / close of the last closed bar of 96 bars), 0 where that has just closed",
            &[Input::Close, Input::Time],
        ),
        define(
            "running_range_96",
            96,
            Unit::LogReturn,
            95,
            "ln(high / low) so far of the running bar of 96 bars, 0 where the last one has just closed",
            &[Input::High, Input::Low, Input::Time],
        ),
    ],
    compute,
};

fn compute(bar: &Bar<'_>, out: &mut [f64]) {
    for (values, frame) in out.as_chunks_mut::<2>().0.iter_mut().zip(bar.higher.frames()) {
        *values = frame.running(bar.kline.close);
    }
}
