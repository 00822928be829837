//! Times of a cron expression (crontab(5)), in UTC: when is the next one.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use kline::Milliseconds;

/// Every expression that names a day at all names one within so many: the longest way is from one 29 February to another over a
/// year like 2100.
const DAYS_MAX: usize = 8 * 366 + 2;

/// A set of numbers below 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u64);

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no time of cron: {problem}; give minute, hour, day of the month, month, day of the week, for example \"0 3 * * *\""
)]
pub struct CronError {
    text: String,
    problem: String,
}

/// An expression: five fields, or six with the second before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
    /// Whether both kinds of days are narrowed down: then one of them suffices.
    either_day: bool,
}

/// A field's name, its least and its greatest number, and its words from the least on.
type Field = (&'static str, u32, u32, &'static [&'static str]);

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 6] = [
    ("second", 0, 59, &[]),
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 7, WEEKDAYS),
];

impl Set {
    const fn holds(self, number: i64) -> bool {
        self.0 >> number & 1 == 1
    }

    fn numbers(self) -> impl Iterator<Item = i64> {
        (0..64).filter(move |number| self.holds(*number))
    }

    /// A list of `*`, `a`, `a-b`, each with `/step`.
    fn parse(text: &str, field: Field) -> Result<Self, String> {
        let (name, least, greatest, _) = field;
        let mut set = 0;
        for part in text.split(',') {
            let (range, step) =
                part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
            let step_of = |step: &str| step.parse().ok().filter(|step| (1..=greatest).contains(step));
            let step: u32 = match step {
                None => 1,
                Some(step) => step_of(step).ok_or_else(|| format!("step {step:?} of the {name}"))?,
            };
            let (from, until) = match range.split_once('-') {
                _ if range == "*" => (least, greatest),
                Some((from, until)) => (number(from, field)?, number(until, field)?),
                // A step after one number goes on to the end.
                None if part.contains('/') => (number(range, field)?, greatest),
                None => (number(range, field)?, number(range, field)?),
            };
            if from > until {
                return Err(format!("{range} of the {name} goes backwards"));
            }
            for number in (from..=until).step_by(step as usize) {
                set |= 1 << number;
            }
        }
        Ok(Self(set))
    }
}

fn number(text: &str, (name, least, greatest, words): Field) -> Result<u32, String> {
    let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
    let number = word.map_or_else(|| text.parse().ok(), |place| Some(place as u32 + least));
    let fits = number.filter(|number| (least..=greatest).contains(number));
    fits.ok_or_else(|| format!("{text:?} is no {name}, which is from {least} to {greatest}"))
}

impl std::str::FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let refuse = |problem: String| CronError { text: text.chars().take(64).collect(), problem };
        let spelled = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            other => other,
        };
        let mut parts: Vec<&str> = spelled.split_whitespace().collect();
        if parts.len() == 5 {
            parts.insert(0, "0");
        }
        if parts.len() != FIELDS.len() {
            return Err(refuse(format!("it has {} fields, not 5 or 6", parts.len())));
        }
        let mut sets = [Set(0); 6];
        for ((set, part), field) in sets.iter_mut().zip(&parts).zip(FIELDS) {
            *set = Set::parse(part, field).map_err(refuse)?;
        }
        let [seconds, minutes, hours, days, months, Set(weekdays)] = sets;
        let either_day = !parts[3].starts_with('*') && !parts[5].starts_with('*');
        // Sunday is 0 and 7.
        let weekdays = Set((weekdays | weekdays >> 7) & 0x7f);
        let cron = Self { seconds, minutes, hours, days, months, weekdays, either_day };
        match cron.next(0) {
            Some(_) => Ok(cron),
            None => Err(refuse("there is no such day".to_owned())),
        }
    }
}

impl Cron {
    /// The first time after a moment, both in Unix milliseconds; `None` beyond the end of the calendar.
    #[must_use]
    pub fn next(&self, after: Milliseconds) -> Option<Milliseconds> {
        let second = after.div_euclid(1_000).checked_add(1)?;
        let mut date = TimeZone::UTC.to_datetime(Timestamp::from_second(second).ok()?).date();
        let mut from = second.rem_euclid(86_400);
        for _ in 0..DAYS_MAX {
            if self.is_day(date)
                && let Some(time) = self.first_time(from)
            {
                let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
                return Some((midnight.as_second() + time) * 1_000);
            }
            date = date.checked_add(1.day()).ok()?;
            from = 0;
        }
        None
    }

    fn is_day(&self, date: Date) -> bool {
        let day = self.days.holds(i64::from(date.day()));
        let weekday = self.weekdays.holds(i64::from(date.weekday().to_sunday_zero_offset()));
        let fits = if self.either_day { day || weekday } else { day && weekday };
        fits && self.months.holds(i64::from(date.month()))
    }

    /// The first second of a day that fits, from one on.
    fn first_time(&self, from: i64) -> Option<i64> {
        let hours = self.hours.numbers().filter(|hour| (hour + 1) * 3_600 > from);
        let minutes = hours.flat_map(|hour| self.minutes.numbers().map(move |minute| hour * 60 + minute));
        let minutes = minutes.filter(|minute| (minute + 1) * 60 > from);
        let mut seconds =
            minutes.flat_map(|minute| self.seconds.numbers().map(move |second| minute * 60 + second));
        seconds.find(|second| *second >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::readable;
    use proptest::prelude::*;

    fn cron(text: &str) -> Cron {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn at(text: &str) -> Milliseconds {
        text.parse::<Timestamp>().expect("a time").as_millisecond()
    }

    #[test]
    fn known_expressions() {
        for (text, after, expected) in [
            ("0 3 * * *", "2026-11-27T03:00:00Z", "2026-11-28 03:00Z"),
            ("0 3 * * *", "2026-11-27T02:59:59.999Z", "2026-11-27 03:00Z"),
            ("30 1 * * sun", "2026-11-27T00:00:00Z", "2026-11-29 01:30Z"),
            ("30 1 * * 7", "2026-11-27T00:00:00Z", "2026-11-29 01:30Z"),
            ("*/15 * * * *", "2026-12-31T23:45:00Z", "2027-01-01 00:00Z"),
            ("0 0 29 2 *", "2097-01-01T00:00:00Z", "2104-02-29 00:00Z"),
            ("0 0 31 * *", "2026-11-27T00:00:00Z", "2026-12-31 00:00Z"),
            // Crontab's rule: one of the two suffices when both are narrowed down.
            ("0 0 13 * 5", "2026-11-27T00:00:00Z", "2026-12-04 00:00Z"),
            ("10-50/20 6,18 * jan-mar *", "2026-11-27T00:00:00Z", "2027-01-01 06:10Z"),
            ("@weekly", "2026-11-27T00:00:00Z", "2026-11-29 00:00Z"),
        ] {
            assert_eq!(cron(text).next(at(after)).map(readable).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(cron("* * * * * *").next(1_500), Some(2_000));
    }

    #[test]
    fn what_is_no_time_is_told() {
        for (text, told) in [
            ("0 3 * *", "4 fields"),
            ("60 * * * *", "\"60\" is no minute, which is from 0 to 59"),
            ("* * 0 * *", "is no day of the month"),
            ("* * * foo *", "is no month"),
            ("5-1 * * * *", "goes backwards"),
            ("*/0 * * * *", "step \"0\" of the minute"),
            ("0 0 30 2 *", "no such day"),
        ] {
            let found = text.parse::<Cron>().expect_err(text).to_string();
            assert!(found.contains(told), "{found}");
        }
    }

    fn field(least: u32, greatest: u32) -> impl Strategy<Value = String> {
        let one = (least..=greatest, least..=greatest, 1..=greatest).prop_map(|(a, b, step)| {
            let (from, until) = (a.min(b), a.max(b));
            format!("{from}-{until}/{step}")
        });
        prop_oneof![Just("*".to_owned()), (least..=greatest).prop_map(|number| number.to_string()), one]
    }

    /// Whether a moment fits, asked field by field.
    fn fits(cron: &Cron, moment: Milliseconds) -> bool {
        let time = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(moment).expect("a time"));
        let hour = cron.hours.holds(time.hour().into()) && cron.minutes.holds(time.minute().into());
        hour && cron.seconds.holds(time.second().into()) && cron.is_day(time.date())
    }

    proptest! {
        #[test]
        fn the_next_time_fits_and_none_before_it_does(
            minute in field(0, 59),
            hour in field(0, 23),
            day in field(1, 28),
            weekday in field(0, 6),
            after in 0i64..4_000_000_000_000,
        ) {
            let cron = cron(&format!("{minute} {hour} {day} * {weekday}"));
            let next = cron.next(after).expect("a time");
            prop_assert!(next > after && fits(&cron, next));
            // Minute by minute for two days, as far as it goes.
            let first = (after / 60_000 + 1) * 60_000;
            let between = (first..next).step_by(60_000).take(2 * 1_440).find(|moment| fits(&cron, *moment));
            prop_assert_eq!(between, None);
            prop_assert_eq!(cron.next(next - 1), Some(next));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-z*/,@ -]{0,24}", after in any::<i64>()) {
            if let Ok(cron) = text.parse::<Cron>() {
                let _ = cron.next(after);
            }
        }
    }
}
