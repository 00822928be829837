//! The exchange's fixed kline intervals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ParseError;

/// The length of one bar. Only intervals of a fixed length, aligned to the Unix epoch, are offered (so no
/// week, which Binance aligns to Monday, and no month).
///
/// Source: Binance spot API, "Kline/Candlestick chart intervals".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Interval {
    /// 1 minute.
    M1,
    /// 3 minutes.
    M3,
    /// 5 minutes.
    M5,
    /// 15 minutes, the default step.
    M15,
    /// 30 minutes.
    M30,
    /// 1 hour.
    H1,
    /// 2 hours.
    H2,
    /// 4 hours.
    H4,
    /// 6 hours.
    H6,
    /// 8 hours.
    H8,
    /// 12 hours.
    H12,
    /// 1 day.
    D1,
}

impl Interval {
    /// Every interval, shortest first.
    pub const ALL: [Self; 12] = [
        Self::M1,
        Self::M3,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H2,
        Self::H4,
        Self::H6,
        Self::H8,
        Self::H12,
        Self::D1,
    ];

    /// The name on the wire, for example `15m`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M3 => "3m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H2 => "2h",
            Self::H4 => "4h",
            Self::H6 => "6h",
            Self::H8 => "8h",
            Self::H12 => "12h",
            Self::D1 => "1d",
        }
    }

    /// The length of one bar in milliseconds.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        const MINUTE: i64 = 60_000;
        match self {
            Self::M1 => MINUTE,
            Self::M3 => 3 * MINUTE,
            Self::M5 => 5 * MINUTE,
            Self::M15 => 15 * MINUTE,
            Self::M30 => 30 * MINUTE,
            Self::H1 => 60 * MINUTE,
            Self::H2 => 120 * MINUTE,
            Self::H4 => 240 * MINUTE,
            Self::H6 => 360 * MINUTE,
            Self::H8 => 480 * MINUTE,
            Self::H12 => 720 * MINUTE,
            Self::D1 => 1440 * MINUTE,
        }
    }

    /// How many bars one UTC day holds.
    #[must_use]
    pub const fn bars_per_day(self) -> i64 {
        86_400_000 / self.milliseconds()
    }

    /// The latest bar opening that is not after `time` (milliseconds).
    #[must_use]
    pub const fn floor(self, time: i64) -> i64 {
        time.div_euclid(self.milliseconds()) * self.milliseconds()
    }

    /// All names, for messages.
    #[must_use]
    pub fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Interval {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.as_str() == text)
            .ok_or_else(|| ParseError::Interval { text: text.to_owned() })
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.as_str().to_owned()
    }
}

impl TryFrom<String> for Interval {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_divides_a_day() {
        for interval in Interval::ALL {
            assert_eq!(interval.as_str().parse::<Interval>().as_ref(), Ok(&interval));
            assert_eq!(interval.bars_per_day() * interval.milliseconds(), 86_400_000);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = "7m".parse::<Interval>().map_err(|error| error.to_string());
        assert!(message.is_err_and(|text| text.contains("\"7m\"") && text.contains("15m")));
    }

    #[test]
    fn floor_holds_before_the_epoch_too() {
        assert_eq!(Interval::M1.floor(-1), -60_000);
        assert_eq!(Interval::M1.floor(60_000), 60_000);
        assert_eq!(Interval::M1.floor(119_999), 60_000);
    }
}
