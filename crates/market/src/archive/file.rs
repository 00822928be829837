//! The names of an archive's files, and the time that each covers. Pure.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use kline::{Interval, Milliseconds, Symbol};

/// What a file covers, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A month, by its first day.
    Month(Date),
    /// A day.
    Day(Date),
}

/// One file of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveFile {
    /// The market.
    pub symbol: Symbol,
    /// The bar length.
    pub interval: Interval,
    /// What it covers.
    pub period: Period,
}

impl Period {
    /// Every month that has a part of `from..until`, in order.
    #[must_use]
    pub fn months(from: Milliseconds, until: Milliseconds) -> Vec<Self> {
        let mut months = Vec::new();
        let mut next = date_of(from).map(Date::first_of_month);
        while let Some(month) = next.filter(|month| milliseconds(*month) < until) {
            months.push(Self::Month(month));
            next = month.last_of_month().tomorrow().ok();
        }
        months
    }

    /// Every day that it has, in order.
    #[must_use]
    pub fn days(self) -> Vec<Self> {
        let (first, last) = match self {
            Self::Day(day) => (day, day),
            Self::Month(month) => (month.first_of_month(), month.last_of_month()),
        };
        let mut days = Vec::new();
        let mut next = Some(first);
        while let Some(day) = next.filter(|day| *day <= last) {
            days.push(Self::Day(day));
            next = day.tomorrow().ok();
        }
        days
    }

    /// Its first millisecond.
    #[must_use]
    pub fn from(self) -> Milliseconds {
        match self {
            Self::Month(day) | Self::Day(day) => milliseconds(day),
        }
    }

    /// The first millisecond after it.
    #[must_use]
    pub fn until(self) -> Milliseconds {
        let last = match self {
            Self::Month(month) => month.last_of_month(),
            Self::Day(day) => day,
        };
        milliseconds(last).saturating_add(86_400_000)
    }
}

impl ArchiveFile {
    /// The opening of its first bar, in milliseconds.
    #[must_use]
    pub fn from(&self) -> Milliseconds {
        self.period.from()
    }

    /// The end of its last bar, not included, in milliseconds.
    #[must_use]
    pub fn until(&self) -> Milliseconds {
        self.period.until()
    }

    /// Its place below an archive's root: `data/spot/daily/klines/BTCUSDT/15m/BTCUSDT-15m-2024-01-05.zip`.
    #[must_use]
    pub fn path(&self) -> String {
        let Self { symbol, interval, period } = self;
        let folder = match period {
            Period::Month(_) => "monthly",
            Period::Day(_) => "daily",
        };
        format!("data/spot/{folder}/klines/{symbol}/{interval}/{self}")
    }
}

impl fmt::Display for ArchiveFile {
    /// Its name: `BTCUSDT-15m-2024-01.zip`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { symbol, interval, period } = self;
        match period {
            Period::Month(month) => {
                write!(f, "{symbol}-{interval}-{:04}-{:02}.zip", month.year(), month.month())
            }
            Period::Day(day) => write!(f, "{symbol}-{interval}-{day}.zip"),
        }
    }
}

impl FromStr for ArchiveFile {
    type Err = ();

    /// Reads a file's name; anything else is none.
    fn from_str(name: &str) -> Result<Self, ()> {
        let stem = name.strip_suffix(".zip").ok_or(())?;
        let mut parts = stem.splitn(3, '-');
        let mut next = || parts.next().ok_or(());
        let symbol = next()?.parse().map_err(drop)?;
        let interval = next()?.parse().map_err(drop)?;
        let date = next()?;
        let period = match date.len() {
            7 => Period::Month(format!("{date}-01").parse().map_err(drop)?),
            10 => Period::Day(date.parse().map_err(drop)?),
            _ => return Err(()),
        };
        Ok(Self { symbol, interval, period })
    }
}

fn date_of(time: Milliseconds) -> Option<Date> {
    jiff::Timestamp::from_millisecond(time).ok().map(|time| TimeZone::UTC.to_datetime(time).date())
}

fn milliseconds(day: Date) -> Milliseconds {
    // Every date that can be written is a time.
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_or(Milliseconds::MAX, jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Milliseconds = 86_400_000;

    #[test]
    fn names_say_what_a_file_covers() {
        for (name, days, path) in [
            ("BTCUSDT-15m-2024-02.zip", 29, "data/spot/monthly/klines/BTCUSDT/15m/BTCUSDT-15m-2024-02.zip"),
            ("ETHUSDT-1h-2024-12-31.zip", 1, "data/spot/daily/klines/ETHUSDT/1h/ETHUSDT-1h-2024-12-31.zip"),
        ] {
            let file: ArchiveFile = name.parse().expect("a name");
            assert_eq!((file.to_string().as_str(), file.path().as_str()), (name, path));
            assert_eq!(file.until() - file.from(), days * DAY);
            assert_eq!(file.period.days().len() as i64, days);
        }
        for none in ["BTCUSDT-15m-2024-13.zip", "BTCUSDT-15m.zip", "BTCUSDT-7m-2024-01.zip", "x", "-.zip"] {
            assert_eq!(none.parse::<ArchiveFile>(), Err(()), "{none}");
        }
    }

    #[test]
    fn months_cover_a_range_without_holes() {
        // 2023-11-15 to 2024-03-01, not included.
        let (from, until) = (1_700_006_400_000, 1_709_251_200_000);
        let months = Period::months(from, until);
        assert_eq!(months.len(), 4, "{months:?}");
        assert!(months.windows(2).all(|pair| pair[0].until() == pair[1].from()));
        assert!(months[0].from() <= from && months[3].until() == until);
        assert_eq!(Period::months(until, until + 1).len(), 1);
        assert!(Period::months(Milliseconds::MAX, Milliseconds::MAX).is_empty());
    }
}
