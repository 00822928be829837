//! Which pairs a folder of recorded klines has, and until when.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use flate2::read::MultiGzDecoder;

use crate::repository;

/// The part of a replay's time that is not history, when nobody says from when to replay: the last 30 days.
const REPLAYED_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// The interval that is replayed.
const INTERVAL: &str = "15m";

/// A folder of `SYMBOL-15m.csv` and `SYMBOL-15m.csv.gz` files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Each pair with the open time of its last kline, in order of name.
    last_open_ms: Vec<(String, i64)>,
}

impl Recorded {
    /// Looks at each file's last line.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!("there is no folder {}", folder.display());
        }
        let mut last_open_ms = Vec::new();
        for path in [repository::files(folder, "csv")?, repository::files(folder, "gz")?].concat() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(symbol) = name.split_once(&format!("-{INTERVAL}.csv")).map(|(symbol, _)| symbol) else {
                continue;
            };
            let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let reader: Box<dyn Read> =
                if name.ends_with(".gz") { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
            let last = last_open_ms_of(reader).with_context(|| format!("cannot read {}", path.display()))?;
            last_open_ms.push((symbol.to_owned(), last));
        }
        if last_open_ms.is_empty() {
            bail!("{} has no file named like BTCUSDT-{INTERVAL}.csv.gz", folder.display());
        }
        last_open_ms.sort();
        Ok(Self { last_open_ms })
    }

    /// Where to start when nobody says: 30 days before the end.
    pub(super) fn usual_start_ms(&self) -> i64 {
        self.end_ms() - REPLAYED_MS
    }

    /// The open time of the last kline of all.
    pub(super) fn end_ms(&self) -> i64 {
        self.last_open_ms.iter().map(|(_, last)| *last).max().unwrap_or_default()
    }

    /// The pairs that still trade at a time, with commas between them.
    pub(super) fn symbols_at(&self, time_ms: i64) -> String {
        let living = self.last_open_ms.iter().filter(|(_, last)| *last >= time_ms);
        living.map(|(symbol, _)| symbol.as_str()).collect::<Vec<_>>().join(",")
    }
}

fn last_open_ms_of(reader: impl Read) -> Result<i64> {
    let mut last = String::new();
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    while reader.read_line(&mut line)? > 0 {
        if !line.trim().is_empty() {
            std::mem::swap(&mut last, &mut line);
        }
        line.clear();
    }
    let first_cell = last.split(',').next().unwrap_or_default().trim();
    first_cell
        .parse()
        .with_context(|| format!("the last line does not start with a time but with `{first_cell}`"))
}

/// Reads a time: `2025-01-01`, `2025-01-01T08:30:00Z`, or Unix milliseconds.
pub(super) fn time_ms(text: &str) -> Result<i64, String> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(milliseconds);
    }
    let moment = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    moment(text)
        .or_else(|| moment(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| "not a time; write 2025-01-01, 2025-01-01T08:30:00Z or Unix milliseconds".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn pairs_that_ended_are_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let header = "open_time_ms,open\n";
        let day = |day: i64| day * 24 * 60 * 60 * 1_000;
        std::fs::write(folder.path().join("MATICUSDT-15m.csv"), format!("{header}{},1\n", day(50)))
            .expect("written");
        let file = File::create(folder.path().join("BTCUSDT-15m.csv.gz")).expect("a file");
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        writeln!(packed, "{header}{},1\n{},2\n", day(1), day(100)).expect("written");
        packed.finish().expect("written");
        std::fs::write(folder.path().join("BTCUSDT-1h.csv"), "another interval").expect("written");
        let recorded = Recorded::read(folder.path()).expect("readable");
        assert_eq!(recorded.end_ms(), day(100));
        assert_eq!(recorded.usual_start_ms(), day(70));
        assert_eq!(recorded.symbols_at(day(70)), "BTCUSDT");
        assert_eq!(recorded.symbols_at(day(50)), "BTCUSDT,MATICUSDT");
    }

    #[test]
    fn a_folder_without_klines_and_a_file_without_a_time_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(
            Recorded::read(folder.path()).expect_err("empty").to_string().contains("has no file named like")
        );
        assert!(Recorded::read(&folder.path().join("x")).is_err());
        std::fs::write(folder.path().join("BTCUSDT-15m.csv"), "open_time_ms,open\n").expect("written");
        let error = format!("{:#}", Recorded::read(folder.path()).expect_err("no kline"));
        assert!(error.contains("BTCUSDT-15m.csv") && error.contains("open_time_ms"), "{error}");
    }

    #[test]
    fn times_are_read_as_the_exchange_reads_them() {
        for text in ["2025-01-01", "2025-01-01T00:00:00Z", "1735689600000"] {
            assert_eq!(time_ms(text), Ok(1_735_689_600_000), "{text}");
        }
        assert!(time_ms("yesterday").is_err());
    }
}
