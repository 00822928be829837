//! Times on the wire.

use kline::Milliseconds;

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamps {
    Milliseconds,
    Microseconds,
}

impl Stamps {
    pub(crate) const fn first(self, time: Milliseconds) -> i64 {
        match self {
            Self::Milliseconds => time,
            Self::Microseconds => time * 1_000,
        }
    }

    /// The last instant of a millisecond.
    pub(crate) const fn last(self, time: Milliseconds) -> i64 {
        match self {
            Self::Milliseconds => time,
            Self::Microseconds => time * 1_000 + 999,
        }
    }
}
