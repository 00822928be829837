//! Single values: decimal text, counts, times.

use std::borrow::Cow;
use std::fmt;

use kline::Milliseconds;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::DecodeError;

/// Times from here on are microseconds: 10^14 ms lie in the year 5138, 10^14 µs in 1973.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

/// The year 2200 in milliseconds, the bound that klines have too.
const LATEST: i64 = 7_258_118_400_000;

/// Any JSON value, kept only as far as a kline can use it.
#[derive(Debug, Clone, Default)]
pub(super) enum Scalar<'a> {
    #[default]
    Missing,
    Null,
    Flag(bool),
    Integer(i64),
    Text(Cow<'a, str>),
    /// What it is instead, for messages.
    Other(String),
}

impl Scalar<'_> {
    fn describe(&self) -> String {
        match self {
            Self::Missing => "missing".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Flag(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => text.chars().take(80).collect(),
            Self::Other(text) => text.clone(),
        }
    }

    fn refuse(&self, field: &'static str, expected: &'static str) -> DecodeError {
        match self {
            Self::Missing => DecodeError::Missing { field },
            Self::Text(text) => DecodeError::field(field, text, expected),
            other => DecodeError::Field { field, value: other.describe(), expected },
        }
    }

    /// A decimal string.
    pub(super) fn decimal(&self, field: &'static str) -> Result<f64, DecodeError> {
        match self {
            Self::Text(text) => parse_decimal(field, text),
            other => Err(other.refuse(field, "a decimal string")),
        }
    }

    /// A decimal string, or `null` for a column that the source does not have.
    pub(super) fn optional_decimal(&self, field: &'static str) -> Result<Option<f64>, DecodeError> {
        match self {
            Self::Null => Ok(None),
            other => other.decimal(field).map(Some),
        }
    }

    /// A count, or `null` for a column that the source does not have.
    pub(super) fn optional_count(&self, field: &'static str) -> Result<Option<u64>, DecodeError> {
        match self {
            Self::Null => Ok(None),
            Self::Integer(number) => {
                u64::try_from(*number).map(Some).map_err(|_| self.refuse(field, "a count"))
            }
            other => Err(other.refuse(field, "a count")),
        }
    }

    /// A whole number.
    pub(super) fn integer(&self, field: &'static str) -> Result<i64, DecodeError> {
        match self {
            Self::Integer(number) => Ok(*number),
            other => Err(other.refuse(field, "a whole number")),
        }
    }

    /// A string.
    pub(super) fn text(&self, field: &'static str) -> Result<&str, DecodeError> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(other.refuse(field, "a string")),
        }
    }

    /// True or false.
    pub(super) fn flag(&self, field: &'static str) -> Result<bool, DecodeError> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            other => Err(other.refuse(field, "true or false")),
        }
    }
}

/// Reads plain decimal text (`-?digits[.digits]`) as the nearest `f64`, ties to even.
pub(super) fn parse_decimal(field: &'static str, text: &str) -> Result<f64, DecodeError> {
    let refuse = || DecodeError::field(field, text, "a decimal number");
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole.strip_prefix('-').unwrap_or(whole)) || !fraction.is_none_or(digits) {
        return Err(refuse());
    }
    let value: f64 = text.parse().map_err(|_| refuse())?;
    // Minus zero would make two equal klines differ in their bits.
    Ok(if value == 0.0 { 0.0 } else { value })
}

/// Reads a whole number without sign.
pub(super) fn parse_count(field: &'static str, text: &str) -> Result<u64, DecodeError> {
    let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let refuse = || DecodeError::field(field, text, "a count");
    if valid { text.parse().map_err(|_| refuse()) } else { Err(refuse()) }
}

/// Turns a bar's first instant into milliseconds.
pub(super) fn opening(field: &'static str, time: i64) -> Result<Milliseconds, DecodeError> {
    bar_edge(field, time, 0, "milliseconds, or microseconds that begin a millisecond")
}

/// Turns a bar's last instant into milliseconds.
pub(super) fn closing(field: &'static str, time: i64) -> Result<Milliseconds, DecodeError> {
    bar_edge(field, time, 999, "milliseconds, or microseconds that end a millisecond")
}

fn bar_edge(
    field: &'static str,
    time: i64,
    remainder: i64,
    expected: &'static str,
) -> Result<Milliseconds, DecodeError> {
    if time < MICROSECONDS_FROM {
        Ok(time)
    } else if time % 1_000 == remainder {
        Ok(time / 1_000)
    } else {
        Err(DecodeError::Field { field, value: time.to_string(), expected })
    }
}

/// Turns any instant into milliseconds, rounded down. A time that no clock shows is refused: it would make everything
/// since seem to be missing.
pub(super) fn instant(field: &'static str, time: i64) -> Result<Milliseconds, DecodeError> {
    let milliseconds = if time < MICROSECONDS_FROM { time } else { time / 1_000 };
    if (0..LATEST).contains(&milliseconds) {
        return Ok(milliseconds);
    }
    let expected = "a unix time between 1970 and 2200";
    Err(DecodeError::Field { field, value: time.to_string(), expected })
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a json value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or_else(|_| Scalar::Other(number.to_string()), Scalar::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Other(format!("the number {number:?}")))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an array".to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an object".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_decimal_is_rounded_once_and_correctly() {
        // Halfway cases and long tails, where parsing in two steps goes wrong.
        for (text, bits) in [
            ("9007199254740993", 9_007_199_254_740_992.0f64.to_bits()),
            ("9007199254740993.00000000000000000000001", 9_007_199_254_740_994.0f64.to_bits()),
            ("0.1", 0x3fb9_9999_9999_999a),
            ("-0.0", 0),
        ] {
            assert_eq!(parse_decimal("o", text).map(f64::to_bits), Ok(bits), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused_with_its_text() {
        for text in
            ["", ".", "1.", ".5", "+1", "1e5", "inf", "NaN", "0x10", " 1", "1 ", "1,5", "--1", "1.2.3", "１"]
        {
            let message = parse_decimal("close", text).map_err(|error| error.to_string());
            assert!(
                message.is_err_and(|m| m.contains("close") && m.contains(&format!("{text:?}"))),
                "{text:?}"
            );
        }
        let long = "9x".repeat(5_000);
        let message = parse_decimal("close", &long).map_err(|error| error.to_string());
        assert!(message.is_err_and(|m| m.len() < 200));
    }

    #[test]
    fn times_are_told_apart_by_magnitude() {
        assert_eq!(opening("t", 1_748_044_800_000), Ok(1_748_044_800_000));
        assert_eq!(opening("t", 1_748_044_800_000_000), Ok(1_748_044_800_000));
        assert_eq!(closing("T", 1_748_044_859_999_999), Ok(1_748_044_859_999));
        assert!(opening("t", 1_748_044_800_000_001).is_err());
        assert!(closing("T", 1_748_044_859_999_000).is_err());
        assert_eq!(instant("E", 1_748_044_859_999_123), Ok(1_748_044_859_999));
        for time in [-1, i64::MIN, i64::MAX, 99_999_999_999_999] {
            assert!(instant("E", time).is_err(), "{time}");
        }
    }

    proptest! {
        #[test]
        fn shortest_and_padded_text_read_back_the_same_bits(value in 0.0f64..1e12, zeros in 0usize..9) {
            let shortest = format!("{value}");
            let padded = if shortest.contains('.') { shortest.clone() + &"0".repeat(zeros) } else { shortest.clone() };
            prop_assert_eq!(parse_decimal("v", &shortest).map(f64::to_bits), Ok(value.to_bits()));
            prop_assert_eq!(parse_decimal("v", &padded).map(f64::to_bits), Ok(value.to_bits()));
        }
    }
}
