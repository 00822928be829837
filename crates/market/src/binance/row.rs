//! One CSV row: the columns of archives and of recorded files.

use kline::{Interval, Kline, KlineFields};

use super::DecodeError;
use super::scalar::{closing, opening, parse_count, parse_decimal};

/// Whether a row may leave the columns from `quote_volume` on empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// All are there, as in the exchange's archives.
    All,
    /// An empty cell is a missing value, as in recorded files.
    MayBeMissing,
}

/// Decodes the first eleven cells of a row; a twelfth (`ignore`) may follow.
pub(crate) fn decode_row<'a>(
    cells: impl ExactSizeIterator<Item = &'a str>,
    columns: Columns,
    interval: Interval,
) -> Result<Kline, DecodeError> {
    let found = cells.len();
    let mut row = [""; 12];
    if !(11..=12).contains(&found) {
        return Err(DecodeError::Columns { found, expected: "11 or 12" });
    }
    for (slot, cell) in row.iter_mut().zip(cells) {
        *slot = cell;
    }
    let optional = |field: &'static str, text: &str| match columns {
        Columns::MayBeMissing if text.is_empty() => Ok(None),
        _ => parse_decimal(field, text).map(Some),
    };
    let fields = KlineFields {
        open_time: opening("open_time", parse_time("open_time", row[0])?)?,
        open: parse_decimal("open", row[1])?,
        high: parse_decimal("high", row[2])?,
        low: parse_decimal("low", row[3])?,
        close: parse_decimal("close", row[4])?,
        volume: parse_decimal("volume", row[5])?,
        close_time: closing("close_time", parse_time("close_time", row[6])?)?,
        quote_volume: optional("quote_volume", row[7])?,
        trades: match columns {
            Columns::MayBeMissing if row[8].is_empty() => None,
            _ => Some(parse_count("trades", row[8])?),
        },
        taker_base: optional("taker_base", row[9])?,
        taker_quote: optional("taker_quote", row[10])?,
    };
    Ok(Kline::new(interval, fields)?)
}

fn parse_time(field: &'static str, text: &str) -> Result<i64, DecodeError> {
    let time = parse_count(field, text)?;
    i64::try_from(time).map_err(|_| DecodeError::field(field, text, "a unix time"))
}
