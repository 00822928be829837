//! Folders of kline files: recorded ones (`BTCUSDT-15m.csv`, `.csv.gz`) and the exchange's own archives
//! (`BTCUSDT-15m-2024-01.zip`, `BTCUSDT-15m-2024-01-31.csv`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kline::{Interval, Kline, Symbol};

use crate::binance::archive::{gunzip, read_table, read_zip};
use crate::binance::{Columns, DecodeError};

/// The header of recorded files.
pub const HEADER: &str =
    "open_time_ms,open,high,low,close,volume,close_time_ms,quote_volume,trades,taker_base,taker_quote";

/// A folder or file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// Folder or file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What a file holds is malformed.
    #[error("{path}: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// No file of the interval.
    #[error(
        "{path} holds no {interval} klines; expected files such as BTCUSDT-{interval}.csv.gz or BTCUSDT-{interval}-2024-01.zip"
    )]
    NoFiles {
        /// The folder.
        path: PathBuf,
        /// The interval that was looked for.
        interval: Interval,
    },
    /// Two files of one symbol have the same bars.
    #[error(
        "{path} repeats bars of another file of {symbol}: open time {open_time}; remove one of the files"
    )]
    Overlap {
        /// The later file.
        path: PathBuf,
        /// The market.
        symbol: Symbol,
        /// The first repeated open time in milliseconds.
        open_time: i64,
    },
}

/// Reads every kline file of `interval` in a folder, by symbol and in order of time. Files of other names are left
/// alone. Empty cells from `quote_volume` on are missing values.
///
/// # Errors
/// [`FileError`] naming the file and the fault; nothing is skipped silently.
pub fn read_folder(dir: &Path, interval: Interval) -> Result<BTreeMap<Symbol, Vec<Kline>>, FileError> {
    let io_fault = |source| FileError::Io { path: dir.to_owned(), source };
    let mut files: BTreeMap<Symbol, Vec<(PathBuf, Vec<Kline>)>> = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(io_fault)? {
        let path = entry.map_err(io_fault)?.path();
        if let Some(symbol) = path.file_name().and_then(|name| symbol_of(name.to_str()?, interval)) {
            let klines = read_file(&path, interval)?;
            files.entry(symbol).or_default().push((path, klines));
        }
    }
    if files.is_empty() {
        return Err(FileError::NoFiles { path: dir.to_owned(), interval });
    }
    files.into_iter().map(|(symbol, parts)| Ok((symbol, join(symbol, parts)?))).collect()
}

/// Reads one kline file; its form is told by its ending (`.csv`, `.csv.gz`, `.zip`).
///
/// # Errors
/// [`FileError`] naming the file and the fault.
pub fn read_file(path: &Path, interval: Interval) -> Result<Vec<Kline>, FileError> {
    let bytes = fs::read(path).map_err(|source| FileError::Io { path: path.to_owned(), source })?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let klines = match ending {
        "zip" => read_zip(&bytes, interval),
        "gz" => gunzip(&bytes).and_then(|text| read_table(&text, Columns::MayBeMissing, interval)),
        _ => read_table(&bytes, Columns::MayBeMissing, interval),
    };
    klines.map_err(|source| FileError::Malformed { path: path.to_owned(), source })
}

/// Writes klines in the form of recorded files; reading them back gives the same bits.
#[must_use]
pub fn to_csv(klines: &[Kline]) -> String {
    fn cell<T: ToString>(value: Option<T>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let mut text = format!("{HEADER}\n");
    for k in klines {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{},{}",
            k.open_time,
            k.open,
            k.high,
            k.low,
            k.close,
            k.volume,
            k.close_time,
            cell(k.quote_volume),
            cell(k.trades),
            cell(k.taker_base),
            cell(k.taker_quote),
        );
    }
    text
}

/// `BTCUSDT` for `BTCUSDT-15m.csv.gz` or `BTCUSDT-15m-2024-01.zip`; `None` for anything else, another market's
/// suffix (`-um`) included: markets must not mix in one series.
fn symbol_of(name: &str, interval: Interval) -> Option<Symbol> {
    let stem = [".csv.gz", ".csv", ".zip"].iter().find_map(|ending| name.strip_suffix(ending))?;
    let (symbol, rest) = stem.split_once(&format!("-{interval}"))?;
    let date = |text: &str| {
        matches!(text.len(), 8 | 11)
            && text.bytes().enumerate().all(|(index, byte)| match index {
                0 | 5 | 8 => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    if rest.is_empty() || date(rest) { symbol.parse().ok() } else { None }
}

fn join(symbol: Symbol, mut parts: Vec<(PathBuf, Vec<Kline>)>) -> Result<Vec<Kline>, FileError> {
    parts.sort_by_key(|(_, klines)| klines.first().map(|kline| kline.open_time));
    let mut all: Vec<Kline> = Vec::new();
    for (path, klines) in parts {
        if let (Some(last), Some(first)) = (all.last(), klines.first())
            && first.open_time <= last.open_time
        {
            return Err(FileError::Overlap { path, symbol, open_time: first.open_time });
        }
        all.extend(klines);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;
    use proptest::prelude::*;

    fn at(bar: i64, change: impl FnOnce(&mut KlineFields)) -> Kline {
        let mut fields = KlineFields::flat(bar * 900_000, 2.0);
        change(&mut fields);
        Kline::new(Interval::M15, fields).expect("valid by construction")
    }

    #[test]
    fn names_say_symbol_and_interval() {
        let name = |text| symbol_of(text, Interval::M15).map(|symbol| symbol.to_string());
        for good in
            ["BTCUSDT-15m.csv.gz", "BTCUSDT-15m.csv", "BTCUSDT-15m-2024-01.zip", "BTCUSDT-15m-2024-01-31.csv"]
        {
            assert_eq!(name(good).as_deref(), Some("BTCUSDT"), "{good}");
        }
        for other in
            ["BTCUSDT-1h.csv", "BTCUSDT-15m-um.csv.gz", "BTCUSDT-15m.parquet", "README.md", "-15m.csv"]
        {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn parts_of_one_symbol_are_joined_in_order_and_may_not_overlap() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bars: &[i64]| {
            let klines: Vec<Kline> = bars.iter().map(|bar| at(*bar, |_| ())).collect();
            fs::write(dir.path().join(name), to_csv(&klines)).expect("a file");
        };
        write("BTCUSDT-15m-2024-02.csv", &[10, 11]);
        write("BTCUSDT-15m-2024-01.csv", &[5, 6]);
        let found = read_folder(dir.path(), Interval::M15).expect("valid files");
        let bars: Vec<i64> = found.values().flatten().map(|kline| kline.open_time / 900_000).collect();
        assert_eq!(bars, [5, 6, 10, 11]);
        write("BTCUSDT-15m-2024-03.csv", &[11, 12]);
        let overlap = read_folder(dir.path(), Interval::M15);
        assert!(matches!(overlap, Err(FileError::Overlap { open_time: 9_900_000, .. })));
    }

    #[test]
    fn an_empty_folder_and_an_empty_file_say_what_was_expected() {
        let dir = tempfile::tempdir().expect("a folder");
        let message = |dir: &Path| {
            read_folder(dir, Interval::M15).map_err(|error| error.to_string()).err().unwrap_or_default()
        };
        assert!(message(dir.path()).contains("BTCUSDT-15m.csv.gz"));
        assert!(message(&dir.path().join("absent")).contains("absent cannot be read"));
        fs::write(dir.path().join("ETHUSDT-15m.csv"), "").expect("a file");
        assert!(message(dir.path()).contains("ETHUSDT-15m.csv: there are no klines"));
    }

    proptest! {
        #[test]
        fn recorded_files_give_back_the_same_bits(
            rows in proptest::collection::vec(
                (1e-9f64..1e6, 0.0f64..1e9, any::<Option<u32>>(), proptest::option::of(0.0f64..1.0)),
                1..40,
            ),
        ) {
            let klines: Vec<Kline> = (1i64..)
                .zip(rows)
                .map(|(bar, (price, volume, trades, taker))| {
                    at(bar, |k| {
                        (k.open, k.high, k.low, k.close) = (price, price * 1.5, price * 0.5, price);
                        k.volume = volume;
                        k.trades = trades.map(u64::from);
                        k.quote_volume = taker.map(|_| volume * price);
                        k.taker_base = taker.map(|part| volume * part);
                        k.taker_quote = None;
                    })
                })
                .collect();
            let read = read_table(to_csv(&klines).as_bytes(), Columns::MayBeMissing, Interval::M15);
            let read = read.expect("what was written is valid");
            prop_assert_eq!(read.len(), klines.len());
            prop_assert!(read.iter().zip(&klines).all(|(a, b)| a.same_bits(b)));
        }
    }
}
