//! What can be wrong with bytes from the exchange.

use kline::{Interval, KlineError};

/// A malformed message, naming the field and its value where there is one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Not the JSON that was expected.
    #[error("not the expected json: {0}")]
    Json(String),
    /// A field is absent.
    #[error("field {field} is missing")]
    Missing {
        /// Its name, as the exchange documents it.
        field: &'static str,
    },
    /// A field holds something else than it should.
    #[error("field {field} is {value}; expected {expected}")]
    Field {
        /// Its name, as the exchange documents it.
        field: &'static str,
        /// The beginning of what it holds.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// Two fields that should agree do not.
    #[error("field {field} is {value} but {other} says {other_value}")]
    Disagree {
        /// One field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The other field.
        other: &'static str,
        /// Its value.
        other_value: String,
    },
    /// A kline of another interval than the one that was asked for.
    #[error("the kline's interval is {found}; this stream is of {expected}")]
    Interval {
        /// What was asked for.
        expected: Interval,
        /// What came.
        found: Interval,
    },
    /// The values are no valid kline.
    #[error(transparent)]
    Kline(#[from] KlineError),
    /// A row has too few or too many columns.
    #[error("the row has {found} columns; expected {expected}")]
    Columns {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: &'static str,
    },
    /// A header names a column differently.
    #[error("column {column} of the header is {found:?}; expected {expected}")]
    Header {
        /// Counted from 1.
        column: usize,
        /// The name that it has.
        found: String,
        /// The name that it should have.
        expected: &'static str,
    },
    /// Rows are not in the order of time, or one comes twice.
    #[error("open time {open_time} does not follow {previous}; rows must be in order and without doubles")]
    Order {
        /// The previous row's open time in milliseconds.
        previous: i64,
        /// This row's open time in milliseconds.
        open_time: i64,
    },
    /// A fault in one row of many.
    #[error("row {row}: {source}")]
    Row {
        /// Counted from 1, a header included.
        row: u64,
        /// The fault.
        source: Box<Self>,
    },
    /// The CSV text cannot be split into rows.
    #[error("not the expected csv: {0}")]
    Csv(String),
    /// The archive cannot be unpacked.
    #[error("not the expected {form} archive: {problem}")]
    Archive {
        /// `zip` or `gzip`.
        form: &'static str,
        /// The unpacker's own words.
        problem: String,
    },
    /// The archive unpacks to more than any valid one.
    #[error("the archive unpacks to more than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: u64,
    },
    /// No rows at all.
    #[error("there are no klines in it")]
    Empty,
}

impl DecodeError {
    /// Says in which row the fault is.
    pub(crate) fn in_row(self, row: u64) -> Self {
        Self::Row { row, source: Box::new(self) }
    }

    /// A field with a wrong value; keeps the value's first 64 characters.
    pub(crate) fn field(field: &'static str, value: &str, expected: &'static str) -> Self {
        let value = match value.char_indices().nth(64) {
            Some((end, _)) => format!("{:?}…", &value[..end]),
            None => format!("{value:?}"),
        };
        Self::Field { field, value, expected }
    }
}
