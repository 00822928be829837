//! The archive of past klines as `data.binance.vision` serves it: a zip for each month and each day that is over, and beside
//! each its SHA-256. Monthly files have no header, daily ones have one; times are microseconds from 2025 on.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use kline::{Interval, Kline, Milliseconds, Symbol};
use sha2::{Digest, Sha256};

use crate::Answer;
use crate::decimals::decimal;
use crate::stream::divides;
use crate::view::View;

const DAY: Milliseconds = 86_400_000;
/// From here on times are microseconds: 2025-01-01.
const MICROSECONDS_FROM: Milliseconds = 1_735_689_600_000;
/// Bars of one file at most: a month of minutes.
const ROWS_MAX: usize = 50_000;

const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
                      taker_buy_quote_volume,ignore\n";

/// Answers the file at a path below `/data/spot/`, or its checksum; 404 for what is not over yet, is not traded or had no
/// trades.
pub(crate) fn answer(view: &View<'_>, path: &str) -> Answer {
    let wanted = path.strip_suffix(".CHECKSUM").unwrap_or(path);
    let Some((name, zip)) = file(view, wanted) else {
        return Answer::text(404, "no such file".to_owned());
    };
    if wanted == path {
        let headers = vec![("content-type".to_owned(), "application/zip".to_owned())];
        return Answer { status: 200, headers, body: zip, after: 0 };
    }
    Answer::text(200, format!("{}  {name}\n", hex::encode(Sha256::digest(&zip))))
}

/// The name and the content of the file at `monthly/klines/BTCUSDT/15m/BTCUSDT-15m-2024-01.zip` or the like.
fn file(view: &View<'_>, path: &str) -> Option<(String, Vec<u8>)> {
    let parts: Vec<&str> = path.split('/').collect();
    let [kind, "klines", symbol, interval, name] = parts.as_slice() else { return None };
    let date = name.strip_prefix(&format!("{symbol}-{interval}-"))?.strip_suffix(".zip")?;
    let (symbol, interval): (Symbol, Interval) = (symbol.parse().ok()?, interval.parse().ok()?);
    if !divides(view.interval, interval) {
        return None;
    }
    let (first, last): (Date, Date) = match *kind {
        "monthly" if date.len() == 7 => {
            let first: Date = format!("{date}-01").parse().ok()?;
            (first, first.last_of_month())
        }
        "daily" if date.len() == 10 => (date.parse().ok()?, date.parse().ok()?),
        _ => return None,
    };
    let at = |day: Date| {
        let time = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
        Some(time.as_millisecond())
    };
    let (from, until) = (at(first)?, at(last)?.checked_add(DAY)?);
    let now = view.now;
    if now < until {
        return None;
    }
    let candles = view.tape.candles(symbol, interval, (Some(from), Some(until - 1)), ROWS_MAX, now);
    let klines: Vec<Kline> = candles.into_iter().map(|candle| candle.kline).collect();
    let zip = packed(&name.replace(".zip", ".csv"), &table(&klines, *kind == "daily")?)?;
    Some(((*name).to_owned(), zip))
}

/// The rows of a file; `None` without any.
fn table(klines: &[Kline], header: bool) -> Option<String> {
    let mut text = if header { HEADER.to_owned() } else { String::new() };
    for kline in klines {
        let (scale, rest) = if kline.open_time >= MICROSECONDS_FROM { (1_000, 999) } else { (1, 0) };
        let number = |value: f64| decimal(value).trim_matches('"').to_owned();
        let cell = |value: Option<f64>| value.map(number).unwrap_or_default();
        // Writing to a text can't fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{},{},0",
            kline.open_time * scale,
            number(kline.open),
            number(kline.high),
            number(kline.low),
            number(kline.close),
            number(kline.volume),
            kline.close_time * scale + rest,
            cell(kline.quote_volume),
            kline.trades.map(|trades| trades.to_string()).unwrap_or_default(),
            cell(kline.taker_base),
            cell(kline.taker_quote),
        );
    }
    (!klines.is_empty()).then_some(text)
}

/// One file in a zip; the same each time, so that its checksum is too.
fn packed(name: &str, text: &str) -> Option<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    writer.start_file(name, options).ok()?;
    writer.write_all(text.as_bytes()).ok()?;
    writer.finish().ok().map(Cursor::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    fn kline(open_time: Milliseconds) -> Kline {
        let mut fields = KlineFields::flat(open_time, 2.5);
        (fields.volume, fields.quote_volume, fields.trades) = (10.0, Some(25.0), Some(4));
        (fields.taker_base, fields.taker_quote) = (Some(5.0), Some(12.5));
        Kline::new(Interval::M15, fields).expect("valid by construction")
    }

    #[test]
    fn units_change_with_the_year_and_a_header_may_lead() {
        let klines = [kline(MICROSECONDS_FROM - 900_000), kline(MICROSECONDS_FROM)];
        let text = table(&klines, true).expect("rows");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("open_time,open,high") && lines[0].ends_with(",ignore"));
        assert!(lines[1].starts_with("1735688700000,2.50000000,"), "{}", lines[1]);
        assert!(lines[1].ends_with(",1735689599999,25.00000000,4,5.00000000,12.50000000,0"), "{}", lines[1]);
        assert!(lines[2].starts_with("1735689600000000,"), "{}", lines[2]);
        assert!(lines[2].contains(",1735690499999999,"), "{}", lines[2]);
        assert_eq!(table(&[], true), None);
        assert_eq!(packed("a.csv", &text), packed("a.csv", &text));
    }
}
