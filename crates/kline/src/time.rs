//! Event time: milliseconds since the Unix epoch, UTC, and the time of a bar.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Interval;

/// Milliseconds since the Unix epoch, UTC.
pub type Milliseconds = i64;

/// The close time of a closed kline (its last millisecond): the time that a prediction is keyed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BarTime(Milliseconds);

impl BarTime {
    /// The bar that opens at `open_time`, or `None` if that is off the interval's grid.
    #[must_use]
    pub const fn from_open(open_time: Milliseconds, interval: Interval) -> Option<Self> {
        if interval.floor(open_time) == open_time {
            Some(Self(open_time + interval.milliseconds() - 1))
        } else {
            None
        }
    }

    /// The bar that closes at `close_time`, or `None` if no bar of the interval does.
    #[must_use]
    pub const fn from_close(close_time: Milliseconds, interval: Interval) -> Option<Self> {
        Self::from_open(close_time + 1 - interval.milliseconds(), interval)
    }

    /// The last bar that has closed at `now`.
    #[must_use]
    pub const fn last_closed(now: Milliseconds, interval: Interval) -> Self {
        Self(interval.floor(now) - 1)
    }

    /// Milliseconds since the Unix epoch of the bar's last millisecond.
    #[must_use]
    pub const fn milliseconds(self) -> Milliseconds {
        self.0
    }

    /// Milliseconds since the Unix epoch of the bar's first millisecond.
    #[must_use]
    pub const fn open_time(self, interval: Interval) -> Milliseconds {
        self.0 + 1 - interval.milliseconds()
    }

    /// The bar `steps` later (earlier if negative).
    #[must_use]
    pub const fn plus(self, steps: i64, interval: Interval) -> Self {
        Self(self.0 + steps * interval.milliseconds())
    }

    /// How many steps lie from `earlier` to this bar (negative if it is later).
    #[must_use]
    pub const fn steps_since(self, earlier: Self, interval: Interval) -> i64 {
        (self.0 - earlier.0) / interval.milliseconds()
    }

    /// The bar's number since the epoch: the same for every series of the interval, so that anchors and
    /// seasons do not depend on where a series starts.
    #[must_use]
    pub const fn index(self, interval: Interval) -> i64 {
        (self.0 + 1).div_euclid(interval.milliseconds()) - 1
    }
}

impl fmt::Display for BarTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_and_close_name_the_same_bar() {
        let bar = BarTime::from_open(900_000, Interval::M15);
        assert_eq!(bar, BarTime::from_close(1_799_999, Interval::M15));
        assert_eq!(bar.map(|b| b.open_time(Interval::M15)), Some(900_000));
        assert_eq!(bar.map(|b| b.index(Interval::M15)), Some(1));
        assert_eq!(BarTime::from_open(900_001, Interval::M15), None);
        assert_eq!(BarTime::from_close(1_800_000, Interval::M15), None);
    }

    #[test]
    fn the_last_closed_bar_is_never_the_running_one() {
        let bar = |now| BarTime::last_closed(now, Interval::M15).milliseconds();
        assert_eq!(bar(1_800_000), 1_799_999);
        assert_eq!(bar(1_799_999), 899_999);
    }
}
