//! What can be wrong with a symbol, an interval or a kline.

use crate::Interval;

/// A name that is not a symbol or not an interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is not 1 to 20 characters out of `A-Z`, `0-9`, `_`, `-` and `.`.
    #[error(
        "symbol {0:?} is not 1 to 20 characters of A-Z, 0-9, '_', '-' or '.'; write it as the exchange does, for example BTCUSDT"
    )]
    Symbol(String),
    /// The text names no interval that the exchange offers.
    #[error("interval {text:?} is not known; use one of {known}", known = Interval::list())]
    Interval {
        /// The text as it was given.
        text: String,
    },
}

/// Why a set of fields is no kline. Nothing is ever repaired: a kline that fails here is not used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KlineError {
    /// The open time is not a multiple of the interval.
    #[error("open time {open_time} is off the grid of {interval} klines; the bar before it opens at {floor}")]
    OffGrid {
        /// Milliseconds since the Unix epoch.
        open_time: i64,
        /// The interval of the series.
        interval: Interval,
        /// The largest grid time that is not later.
        floor: i64,
    },
    /// The close time does not end the bar that the open time begins.
    #[error(
        "close time {close_time} does not end the {interval} bar that opens at {open_time}; expected {expected}"
    )]
    CloseTime {
        /// Milliseconds since the Unix epoch.
        open_time: i64,
        /// As it was given.
        close_time: i64,
        /// The interval of the series.
        interval: Interval,
        /// What it should have been.
        expected: i64,
    },
    /// A time before 1970 or after 2200: most likely microseconds or seconds taken for milliseconds.
    #[error("open time {open_time} is not a Unix time in milliseconds between 1970 and 2200")]
    Time {
        /// As it was given.
        open_time: i64,
    },
    /// A price that is not a positive finite number.
    #[error("{field} is {value}; a price is a positive finite number")]
    Price {
        /// `open`, `high`, `low` or `close`.
        field: &'static str,
        /// As it was given.
        value: f64,
    },
    /// High below another price, or low above one.
    #[error("high {high} and low {low} do not enclose open {open} and close {close}")]
    Range {
        /// Open price.
        open: f64,
        /// High price.
        high: f64,
        /// Low price.
        low: f64,
        /// Close price.
        close: f64,
    },
    /// A volume that is negative or not finite.
    #[error("{field} is {value}; a volume is a finite number that is not negative")]
    Volume {
        /// Which of the volumes.
        field: &'static str,
        /// As it was given.
        value: f64,
    },
    /// A taker's share that is larger than the whole.
    #[error("{field} {part} is more than the whole {whole}")]
    TakerShare {
        /// `taker_base` or `taker_quote`.
        field: &'static str,
        /// The taker's part.
        part: f64,
        /// The whole volume.
        whole: f64,
    },
}
