//! The files of data.binance.vision: CSV with or without a header, zipped one to an archive. Times are milliseconds
//! until 2024 and microseconds from 2025 on, in the same folder; each row is read by its own magnitude.
//!
//! ```csv
//! 1748044800000000,107318.30000000,107318.31000000,107186.77000000,107200.01000000,40.07053000,1748044859999999,...
//! ```
//!
//! Source: github.com/binance/binance-public-data.

use std::io::{Cursor, Read};

use kline::{Interval, Kline};

use super::{Columns, DecodeError, decode_row};

/// No archive unpacks to more: a month of one-second klines is 350 MB.
const UNPACKED_BYTES_MAX: u64 = 512 << 20;

/// Reads the CSV of one archive.
///
/// # Errors
/// [`DecodeError`] naming row, field and value; rows must be in strictly increasing order of time.
pub fn read_csv(bytes: &[u8], interval: Interval) -> Result<Vec<Kline>, DecodeError> {
    read_table(bytes, Columns::All, interval)
}

/// Reads the one CSV file inside a zip archive.
///
/// # Errors
/// [`DecodeError::Archive`] if it cannot be unpacked or holds anything but one file, and those of [`read_csv`].
pub fn read_zip(bytes: &[u8], interval: Interval) -> Result<Vec<Kline>, DecodeError> {
    let fault = |problem: String| DecodeError::Archive { form: "zip", problem };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| fault(error.to_string()))?;
    if archive.len() != 1 {
        return Err(fault(format!("it holds {} files; expected one", archive.len())));
    }
    let file = archive.by_index(0).map_err(|error| fault(error.to_string()))?;
    read_csv(&unpack(file, "zip")?, interval)
}

/// Unpacks gzip.
pub(crate) fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    unpack(flate2::read::MultiGzDecoder::new(bytes), "gzip")
}

fn unpack(reader: impl Read, form: &'static str) -> Result<Vec<u8>, DecodeError> {
    let mut text = Vec::new();
    let mut bounded = reader.take(UNPACKED_BYTES_MAX + 1);
    bounded
        .read_to_end(&mut text)
        .map_err(|error| DecodeError::Archive { form, problem: error.to_string() })?;
    if text.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(DecodeError::TooLarge { limit: UNPACKED_BYTES_MAX });
    }
    Ok(text)
}

/// The names that headers use for each column: archives', then recorded files'.
const HEADER: [(&str, &[&str]); 11] = [
    ("open_time", &["open_time", "open_time_ms"]),
    ("open", &["open"]),
    ("high", &["high"]),
    ("low", &["low"]),
    ("close", &["close"]),
    ("volume", &["volume"]),
    ("close_time", &["close_time", "close_time_ms"]),
    ("quote_volume", &["quote_volume", "quote_asset_volume"]),
    ("trades", &["count", "trades", "number_of_trades"]),
    ("taker_base", &["taker_buy_volume", "taker_base", "taker_buy_base_asset_volume"]),
    ("taker_quote", &["taker_buy_quote_volume", "taker_quote", "taker_buy_quote_asset_volume"]),
];

/// Reads a table with or without a header.
pub(crate) fn read_table(
    bytes: &[u8],
    columns: Columns,
    interval: Interval,
) -> Result<Vec<Kline>, DecodeError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut record = csv::StringRecord::new();
    let mut klines: Vec<Kline> = Vec::with_capacity(bytes.len() / 100);
    let mut row = 0u64;
    while reader.read_record(&mut record).map_err(|error| DecodeError::Csv(error.to_string()))? {
        row += 1;
        if row == 1 && is_header(&record) {
            check_header(&record)?;
            continue;
        }
        let kline = decode_row(Cells(record.iter(), record.len()), columns, interval)
            .map_err(|error| error.in_row(row))?;
        if let Some(previous) = klines.last()
            && previous.open_time >= kline.open_time
        {
            let order = DecodeError::Order { previous: previous.open_time, open_time: kline.open_time };
            return Err(order.in_row(row));
        }
        klines.push(kline);
    }
    if klines.is_empty() { Err(DecodeError::Empty) } else { Ok(klines) }
}

/// A header's first cell begins with a letter, a row's with a digit.
fn is_header(record: &csv::StringRecord) -> bool {
    record.get(0).is_some_and(|cell| cell.starts_with(|first: char| first.is_ascii_alphabetic()))
}

fn check_header(record: &csv::StringRecord) -> Result<(), DecodeError> {
    for (column, (expected, names)) in HEADER.iter().enumerate() {
        let found = record.get(column).unwrap_or_default();
        if !names.contains(&found) {
            let found = found.chars().take(64).collect();
            return Err(DecodeError::Header { column: column + 1, found, expected });
        }
    }
    Ok(())
}

/// A record's cells with their number.
struct Cells<'a>(csv::StringRecordIter<'a>, usize);

impl<'a> Iterator for Cells<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.1, Some(self.1))
    }
}

impl ExactSizeIterator for Cells<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const MILLISECONDS: &str = "1735688700000,2.0,3.0,1.0,2.5,10,1735689599999,25,4,5,12,0\n";
    const MICROSECONDS: &str = "1735689600000000,2.0,3.0,1.0,2.5,10,1735690499999999,25,4,5,12,0\n";

    fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("in memory");
            writer.write_all(text.as_bytes()).expect("in memory");
        }
        writer.finish().expect("in memory").into_inner()
    }

    #[test]
    fn units_are_told_apart_row_by_row() {
        let text = format!("{MILLISECONDS}{MICROSECONDS}");
        let klines = read_csv(text.as_bytes(), Interval::M15).expect("valid rows");
        assert_eq!(klines[1].open_time - klines[0].open_time, 900_000);
        assert_eq!(klines[1].close_time, 1_735_690_499_999);
        assert_eq!(read_zip(&zipped(&[("a.csv", &text)]), Interval::M15), Ok(klines));
    }

    #[test]
    fn a_header_may_lead_and_must_name_the_columns() {
        let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";
        let with = read_csv(format!("{header}{MILLISECONDS}").as_bytes(), Interval::M15);
        assert_eq!(with, read_csv(MILLISECONDS.as_bytes(), Interval::M15));
        let swapped = header.replace("high,low", "low,high");
        let refused = read_csv(format!("{swapped}{MILLISECONDS}").as_bytes(), Interval::M15);
        assert!(matches!(refused, Err(DecodeError::Header { column: 3, expected: "high", .. })));
    }

    #[test]
    fn faults_are_named() {
        let read = |text: &str| read_csv(text.as_bytes(), Interval::M15);
        assert_eq!(read(""), Err(DecodeError::Empty));
        let doubled = read(&format!("{MILLISECONDS}{MILLISECONDS}")).map_err(|error| error.to_string());
        assert!(doubled.is_err_and(|m| m.contains("row 2") && m.contains("1735688700000")));
        let empty = read(&MILLISECONDS.replace(",25,", ",,")).map_err(|error| error.to_string());
        assert!(empty.is_err_and(|m| m.contains("quote_volume")));
        let short = read("1,2,3\n").map_err(|error| error.to_string());
        assert!(short.is_err_and(|m| m.contains("3 columns")));
        let two = zipped(&[("a.csv", MILLISECONDS), ("b.csv", MILLISECONDS)]);
        assert!(matches!(read_zip(&two, Interval::M15), Err(DecodeError::Archive { form: "zip", .. })));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_csv(&bytes, Interval::M15);
            let _ = read_zip(&bytes, Interval::M15);
            let _ = gunzip(&bytes);
        }

        #[test]
        fn a_damaged_zip_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = zipped(&[("a.csv", MILLISECONDS)]);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read_zip(&bytes, Interval::M15);
        }
    }
}
