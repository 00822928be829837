//! The exchange as a request finds it.

use kline::{Interval, Milliseconds};

use crate::faults::Silent;
use crate::stamps::Stamps;
use crate::tape::Tape;

/// What an answer depends on, beside path and query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) tape: &'a Tape,
    pub(crate) interval: Interval,
    /// The true time.
    pub(crate) now: Milliseconds,
    /// The time that the exchange's clock shows.
    pub(crate) clock: Milliseconds,
    pub(crate) stamps: Stamps,
    /// Klines of which nothing new is told.
    pub(crate) silent: Option<Silent>,
}
