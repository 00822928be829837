//! One symbol's bars summed up by UTC day.

use kline::{Interval, Kline, Milliseconds};
use serde::Serialize;

use super::fault::{FaultCounts, Marks};

const DAY: Milliseconds = 86_400_000;

/// One symbol's UTC day. On its first and last day a symbol is only expected to have the bars from its first to its last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DayQuality {
    /// The day's first millisecond.
    pub day: Milliseconds,
    /// Bars that open on the day.
    pub expected_bars: i64,
    /// Those that are not there.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing_bars: i64,
    /// Holes that begin on the day, or went on into it.
    #[serde(skip_serializing_if = "is_zero")]
    pub gaps: i64,
    /// Bars with each fault.
    #[serde(skip_serializing_if = "FaultCounts::is_empty")]
    pub faults: FaultCounts,
    /// Bars that are there and have no fault.
    pub good_bars: i64,
    /// Good bars as a share of the expected ones.
    pub score: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// The days from the first kline's to the last one's; days without any kline too.
pub(super) fn days(klines: &[Kline], marks: &Marks<'_>, interval: Interval) -> Vec<DayQuality> {
    let (Some(first), Some(last)) = (klines.first(), klines.last()) else { return Vec::new() };
    let step = interval.milliseconds();
    let (first_open, last_open) = (first.open_time, last.open_time);
    let day_of = |time: Milliseconds| time.div_euclid(DAY) * DAY;
    let mut days = Vec::new();
    let mut next = 0;
    let mut day = day_of(first_open);
    while day <= last_open {
        // The first and the last opening on the grid within the day.
        let from = first_open + ((day - first_open).max(0) + step - 1) / step * step;
        let until = (day + DAY).min(last_open + 1);
        let expected = if from < until { (until - 1 - from) / step + 1 } else { 0 };
        let begin = next;
        while klines.get(next).is_some_and(|kline| kline.open_time < day + DAY) {
            next += 1;
        }
        if expected > 0 {
            days.push(one(day, (from, until, expected), &klines[begin..next], begin, marks, step));
        }
        day += DAY;
    }
    days
}

fn one(
    day: Milliseconds,
    (from, until, expected): (Milliseconds, Milliseconds, i64),
    klines: &[Kline],
    begin: usize,
    marks: &Marks<'_>,
    step: Milliseconds,
) -> DayQuality {
    let (mut present, mut good, mut gaps, mut due) = (0, 0, 0, from);
    for (at, kline) in klines.iter().enumerate() {
        if kline.open_time < due {
            // A duplicate stands for no bar of its own.
            continue;
        }
        gaps += i64::from(kline.open_time > due);
        present += 1;
        // Of two klines of one bar nobody knows which one is right.
        let doubled = klines.get(at + 1).is_some_and(|later| later.open_time <= kline.open_time);
        good += i64::from(!doubled && !marks.is_faulty(begin + at));
        due = kline.open_time + step;
    }
    gaps += i64::from(due < until);
    DayQuality {
        day,
        expected_bars: expected,
        missing_bars: expected - present,
        gaps,
        faults: marks.counts(begin..begin + klines.len()),
        good_bars: good,
        score: good as f64 / expected as f64,
    }
}
