//! Times and spans of time as people write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A span with its unit, for example `90s`; more than 0.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let help = || "write a span with its unit: 500ms, 90s, 5m or 2h".to_owned();
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or_else(help)?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => return Err(help()),
    };
    let number: f64 = number.parse().map_err(|_| help())?;
    let duration = Duration::try_from_secs_f64(number * seconds).map_err(|_| help())?;
    if duration < Duration::from_millis(1) { Err("must be 1ms or more".to_owned()) } else { Ok(duration) }
}

/// A wait: a span of at most a minute.
pub(super) fn wait(text: &str) -> Result<Duration, String> {
    let wait = span(text)?;
    if wait > Duration::from_secs(60) { Err("the longest wait is 60s".to_owned()) } else { Ok(wait) }
}

/// A moment in UTC: Unix milliseconds, a day, or a time with or without its zone, as tables show it.
pub(super) fn moment(text: &str) -> Result<i64, String> {
    let milliseconds = match text.parse::<i64>() {
        Ok(milliseconds) => Some(milliseconds),
        Err(_) => written(text),
    };
    milliseconds.filter(|milliseconds| *milliseconds > 0).ok_or_else(|| {
        "write a moment in UTC: 2024-01-31, 2024-01-31T12:15:00Z or Unix milliseconds".to_owned()
    })
}

/// The close time of a bar: as Unix milliseconds, or the moment at which it ends, which is a millisecond later and what
/// tables show.
pub(super) fn bar_time(text: &str) -> Result<i64, String> {
    let moment = moment(text)?;
    Ok(if text.parse::<i64>().is_ok() || moment % 1_000 != 0 { moment } else { moment - 1 })
}

fn written(text: &str) -> Option<i64> {
    let zoned = text.parse::<Timestamp>().ok();
    // A day is one too, from its midnight on.
    let civil = || Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    zoned.or_else(civil).map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_unit_and_is_more_than_nothing() {
        let spans =
            ["500ms", "90s", "1.5s", "5m", "2min", "2h"].map(|text| span(text).map(|span| span.as_millis()));
        assert_eq!(spans, [500, 90_000, 1_500, 300_000, 120_000, 7_200_000].map(Ok));
        for text in
            ["", "90", "s", "-1s", "1.2.3s", "1d", "0s", "0.1ms", "1e300s", "9999999999999999999999h", "٣s"]
        {
            assert!(span(text).is_err(), "{text}");
        }
        assert!(span("90").is_err_and(|error| error.contains("90s")), "the error shows how to write it");
        assert!(wait("60s").is_ok() && wait("61s").is_err());
    }

    #[test]
    fn a_moment_is_utc_however_it_is_written() {
        let quarter = 1_706_703_300_000;
        for text in [
            "2024-01-31T12:15:00Z",
            "2024-01-31T13:15:00+01:00",
            "2024-01-31 12:15:00",
            "2024-01-31T12:15",
            "1706703300000",
        ] {
            assert_eq!(moment(text), Ok(quarter), "{text}");
        }
        assert_eq!(moment("2024-01-31"), Ok(1_706_659_200_000));
        for text in ["", "today", "31.1.2024", "2024-02-30", "0", "-5", "12:15"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bar_is_named_by_the_moment_at_which_it_ends() {
        assert_eq!(bar_time("2024-01-31 12:15:00"), Ok(1_706_703_299_999));
        assert_eq!(bar_time("2024-01-31T12:14:59.999Z"), Ok(1_706_703_299_999));
        assert_eq!(bar_time("1706703299999"), Ok(1_706_703_299_999));
        assert_eq!(bar_time("1706703300000"), Ok(1_706_703_300_000), "milliseconds are taken as they are");
    }
}
