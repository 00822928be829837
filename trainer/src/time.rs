//! Times on the command line.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kline::Milliseconds;

use crate::{Result, TrainerError};

const DAY: Milliseconds = 86_400_000;

/// A time as a person writes it: a day, or a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeArgument {
    /// A whole UTC day, by its first millisecond.
    Day(Milliseconds),
    /// One moment.
    Moment(Milliseconds),
}

impl TimeArgument {
    /// The first millisecond.
    #[must_use]
    pub const fn start(self) -> Milliseconds {
        match self {
            Self::Day(time) | Self::Moment(time) => time,
        }
    }

    /// The last millisecond: a day's end, or the moment itself.
    #[must_use]
    pub const fn end(self) -> Milliseconds {
        match self {
            Self::Day(time) => time + DAY - 1,
            Self::Moment(time) => time,
        }
    }
}

impl std::str::FromStr for TimeArgument {
    type Err = TrainerError;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(milliseconds) = text.parse::<i64>() {
            return Ok(Self::Moment(milliseconds));
        }
        if !text.contains(['T', ' '])
            && let Ok(date) = text.parse::<Date>()
            && let Ok(start) = TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
        {
            return Ok(Self::Day(start.as_millisecond()));
        }
        match text.parse::<Timestamp>() {
            Ok(moment) => Ok(Self::Moment(moment.as_millisecond())),
            Err(_) => Err(TrainerError::Time { text: text.chars().take(64).collect() }),
        }
    }
}

/// A time as people read it: `2024-09-06 23:59:59Z`; the number itself if it is no time.
#[must_use]
pub fn readable(time: Milliseconds) -> String {
    match Timestamp::from_millisecond(time) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%MZ").to_string(),
        Err(_) => time.to_string(),
    }
}

/// A time as a part of a file's name: `20240906T235959123Z`; the number itself if it is no time.
#[must_use]
pub fn compact(time: Milliseconds) -> String {
    match Timestamp::from_millisecond(time) {
        Ok(moment) => moment.strftime("%Y%m%dT%H%M%S%3fZ").to_string(),
        Err(_) => time.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_two_ends_and_a_moment_one() {
        let parse = |text: &str| text.parse::<TimeArgument>().map(|time| (time.start(), time.end())).ok();
        assert_eq!(parse("1970-01-02"), Some((DAY, 2 * DAY - 1)));
        assert_eq!(parse("1970-01-02T00:15:00Z"), Some((DAY + 900_000, DAY + 900_000)));
        assert_eq!(parse("86400000"), Some((DAY, DAY)));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(readable(DAY + 900_000), "1970-01-02 00:15Z");
    }
}
