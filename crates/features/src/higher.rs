//! Bars of higher timeframes, built from base bars as they come.

mod month;

use kline::KlineFields;
use serde::{Deserialize, Serialize};

use crate::window::{log_return, ratio};
use month::Month;

/// Base bars in a bar of each timeframe: with 15-minute bars an hour, four hours and a day in UTC.
const STEPS: [i64; 3] = [4, 16, 96];

/// The higher timeframes of one symbol. Holds no memory of its own, so a copy allocates nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HigherTimeframes {
    frames: [Timeframe; STEPS.len()],
    month: Month,
}

/// Bars that begin at base bar indices that are multiples of a number of steps. What lies in a bar that was not seen
/// from its beginning is NaN, so the series' start leaves no trace.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Timeframe {
    /// Says whether the last base bar closed the higher one.
    between: bool,
    high: f64,
    low: f64,
    /// The close of the bar before the one that runs.
    previous_close: f64,
    closed: Closed,
}

/// What is told of the last closed bar.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// `ln(close / close of the bar before)`.
    pub(crate) log_return: f64,
    /// `ln(high / low)`.
    pub(crate) range: f64,
    /// Where the close lies in the range, -1 to 1.
    pub(crate) location: f64,
}

impl HigherTimeframes {
    /// Nothing seen yet.
    pub(crate) const fn new() -> Self {
        Self { frames: [Timeframe::new(); STEPS.len()], month: Month::new() }
    }

    /// Takes the base bar with the given index, carried or real. Indices have no holes.
    pub(crate) fn update(&mut self, index: i64, bar: &KlineFields, log_return: f64) {
        for (frame, steps) in self.frames.iter_mut().zip(STEPS) {
            frame.update(index.rem_euclid(steps), steps, bar);
        }
        self.month.update(index, log_return);
    }

    /// The timeframes, the shortest first.
    pub(crate) const fn frames(&self) -> &[Timeframe; STEPS.len()] {
        &self.frames
    }

    /// The root of the mean squared log return of a base bar over the last closed days.
    pub(crate) const fn month_volatility(&self) -> f64 {
        self.month.volatility()
    }
}

impl Timeframe {
    const fn new() -> Self {
        let nothing = f64::NAN;
        Self {
            between: false,
            high: nothing,
            low: nothing,
            previous_close: nothing,
            closed: Closed { log_return: nothing, range: nothing, location: nothing },
        }
    }

    fn update(&mut self, phase: i64, steps: i64, bar: &KlineFields) {
        if phase == 0 {
            (self.high, self.low) = (bar.high, bar.low);
        } else {
            // A comparison with NaN is false, so a bar that was joined midway stays NaN.
            if bar.high > self.high {
                self.high = bar.high;
            }
            if bar.low < self.low {
                self.low = bar.low;
            }
        }
        self.between = phase == steps - 1;
        if self.between {
            let Self { high, low, .. } = *self;
            self.closed = Closed {
                log_return: log_return(self.previous_close, bar.close),
                range: log_return(low, high),
                location: ratio((bar.close - low) - (high - bar.close), high - low),
            };
            self.previous_close = bar.close;
        }
    }

    /// The last closed bar.
    pub(crate) const fn closed(&self) -> &Closed {
        &self.closed
    }

    /// Log return and range so far of the bar that runs, with the base bar's close; 0 before its first base bar.
    pub(crate) fn running(&self, close: f64) -> [f64; 2] {
        if self.between {
            [0.0; 2]
        } else {
            [log_return(self.previous_close, close), log_return(self.low, self.high)]
        }
    }
}
