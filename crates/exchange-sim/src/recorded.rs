//! Recorded klines: a folder of CSV files, plain or gzip, named `SYMBOL-INTERVAL.csv[.gz]`.
//!
//! Header: `open_time_ms,open,high,low,close,volume,close_time_ms,quote_volume,trades,taker_base,taker_quote`.
//! Times are milliseconds UTC. An empty cell means that the source did not have the column: it stays missing,
//! and is sent as `null`, never as 0.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;
use kline::{Interval, Kline, KlineFields, Symbol};

use crate::KlineFileError;

const HEADER: [&str; 11] = [
    "open_time_ms",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time_ms",
    "quote_volume",
    "trades",
    "taker_base",
    "taker_quote",
];

/// Reads every `SYMBOL-INTERVAL.csv` and `.csv.gz` of a folder; other files are left alone.
///
/// # Errors
/// A folder without such a file; the first file or line that is not what it should be.
pub fn read_folder(
    folder: &Path,
    interval: Interval,
) -> Result<BTreeMap<Symbol, Vec<Kline>>, KlineFileError> {
    let read_error = |source| KlineFileError::Read { path: folder.to_owned(), source };
    let mut files: BTreeMap<Symbol, PathBuf> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(read_error)? {
        let path = entry.map_err(read_error)?.path();
        if let Some(symbol) = symbol_of(&path, interval)
            && let Some(other) = files.insert(symbol, path.clone())
        {
            return Err(KlineFileError::Twice { symbol, path, other });
        }
    }
    if files.is_empty() {
        return Err(KlineFileError::NoFiles { path: folder.to_owned(), interval });
    }
    files.into_iter().map(|(symbol, path)| Ok((symbol, read_file(&path, interval)?))).collect()
}

/// Reads one file.
///
/// # Errors
/// A file that cannot be read, has another header or no rows; a line that is no kline or is not later than the
/// one before it.
pub fn read_file(path: &Path, interval: Interval) -> Result<Vec<Kline>, KlineFileError> {
    let file = File::open(path).map_err(|source| KlineFileError::Read { path: path.to_owned(), source })?;
    let gzip = path.extension().is_some_and(|extension| extension == "gz");
    let bytes: Box<dyn Read> = if gzip {
        Box::new(MultiGzDecoder::new(BufReader::new(file)))
    } else {
        Box::new(BufReader::new(file))
    };
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut record = ByteRecord::new();
    let mut klines: Vec<Kline> = Vec::new();
    let mut line = 0;
    let problem = |line: u64, problem: String| KlineFileError::Line { path: path.to_owned(), line, problem };
    loop {
        let more = reader.read_byte_record(&mut record).map_err(|error| unreadable(path, line + 1, error))?;
        if !more {
            break;
        }
        line = record.position().map_or(line + 1, csv::Position::line);
        if line == 1 {
            check_header(&record).map_err(|text| problem(line, text))?;
            continue;
        }
        let fields = fields_of(&record).map_err(|text| problem(line, text))?;
        let kline = Kline::new(interval, fields).map_err(|source| KlineFileError::Kline {
            path: path.to_owned(),
            line,
            source,
        })?;
        if let Some(last) = klines.last()
            && kline.open_time <= last.open_time
        {
            let text =
                format!("open time {} is not after the line before ({})", kline.open_time, last.open_time);
            return Err(problem(line, text));
        }
        klines.push(kline);
    }
    if klines.is_empty() {
        return Err(KlineFileError::Empty { path: path.to_owned() });
    }
    Ok(klines)
}

fn symbol_of(path: &Path, interval: Interval) -> Option<Symbol> {
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".csv.gz").or_else(|| name.strip_suffix(".csv"))?;
    let symbol = stem.strip_suffix(interval.as_str())?.strip_suffix('-')?;
    symbol.parse().ok()
}

fn unreadable(path: &Path, line: u64, error: csv::Error) -> KlineFileError {
    let path = path.to_owned();
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => KlineFileError::Read { path, source },
        _ => KlineFileError::Line { path, line, problem: text },
    }
}

fn check_header(record: &ByteRecord) -> Result<(), String> {
    if record.iter().eq(HEADER.iter().map(|name| name.as_bytes())) {
        return Ok(());
    }
    let found = record.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",");
    Err(format!(
        "expected the header {:?}, found {:?}",
        HEADER.join(","),
        found.chars().take(200).collect::<String>()
    ))
}

fn fields_of(record: &ByteRecord) -> Result<KlineFields, String> {
    if record.len() != HEADER.len() {
        return Err(format!("expected {} columns, found {}", HEADER.len(), record.len()));
    }
    Ok(KlineFields {
        open_time: required(record, 0)?,
        open: required(record, 1)?,
        high: required(record, 2)?,
        low: required(record, 3)?,
        close: required(record, 4)?,
        volume: required(record, 5)?,
        close_time: required(record, 6)?,
        quote_volume: optional(record, 7)?,
        trades: optional(record, 8)?,
        taker_base: optional(record, 9)?,
        taker_quote: optional(record, 10)?,
    })
}

fn required<T: std::str::FromStr>(record: &ByteRecord, column: usize) -> Result<T, String> {
    optional(record, column)?.ok_or_else(|| format!("{} is empty", HEADER[column]))
}

fn optional<T: std::str::FromStr>(record: &ByteRecord, column: usize) -> Result<Option<T>, String> {
    let cell = record.get(column).unwrap_or_default();
    if cell.is_empty() {
        return Ok(None);
    }
    let number = std::str::from_utf8(cell).ok().and_then(|text| text.parse().ok());
    let shown = || String::from_utf8_lossy(cell).chars().take(64).collect::<String>();
    number.map(Some).ok_or_else(|| {
        format!("{} is {:?}, which is not a number of the right kind", HEADER[column], shown())
    })
}
