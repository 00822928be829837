//! Brings klines into the store: from an exchange by REST, from an archive of past klines, or from a folder of recorded
//! files.

mod archive;
mod disputes;
mod exchange;
mod holes;
mod keep;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kline::{Interval, Kline, Milliseconds, Symbol};
use market::renamed::{Joint, renamed, stitch};
use store::Home;

use crate::console::Console;
use crate::kline_parquet;
use crate::{Result, TrainerError};
use keep::Keeper;

pub use disputes::{Dispute, Disputes};
pub use holes::Hole;
pub use keep::{Correction, Ingested};

/// The ten pairs. Recorded klines from before September 2024 have MATICUSDT, which became POLUSDT.
pub const PAIRS: [&str; 10] = [
    "BTCUSDT", "ETHUSDT", "BNBUSDT", "ADAUSDT", "SOLUSDT", "XRPUSDT", "DOTUSDT", "AVAXUSDT", "POLUSDT",
    "LINKUSDT",
];

/// Where klines come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// An exchange's REST interface.
    Exchange {
        /// The base address.
        rest_url: String,
        /// What to fetch; the latest 180 days if nothing is said.
        range: Range,
    },
    /// An archive: months first, then the days of months that it does not have.
    Archive {
        /// Its address, or a folder of its files.
        place: String,
        /// An exchange for what the archive does not have.
        rest_url: Option<String>,
        /// What to fetch; if nothing is said all that a folder has, or the latest 180 days.
        range: Range,
    },
    /// A folder of recorded files.
    Folder(PathBuf),
}

/// Which klines of an exchange or archive.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    /// How many days before the end.
    pub days: Option<u32>,
    /// The first opening time.
    pub from: Option<Milliseconds>,
    /// The end, not included; the exchange's own time if not given.
    pub until: Option<Milliseconds>,
    /// Whether to ask again for what the source did not have before.
    pub ask_again: bool,
}

/// How many days are fetched when nothing is said.
pub const DAYS_DEFAULT: u32 = 180;

impl Range {
    /// The opening times to fetch, the last one not included, if the source ends at `now`.
    fn resolve(self, interval: Interval, now: Milliseconds) -> Result<(Milliseconds, Milliseconds)> {
        let until = interval.floor(self.until.unwrap_or(now));
        let span = i64::from(self.days.unwrap_or(DAYS_DEFAULT)) * 86_400_000;
        let from = interval.floor(self.from.unwrap_or(until - span)).max(0);
        if from >= until {
            return Err(TrainerError::Source { problem: "the range to fetch is empty" });
        }
        Ok((from, until))
    }
}

/// Brings klines into the store. Doing it again changes nothing; from an exchange or an archive it fetches only what is
/// missing, and not what the same source did not have before.
///
/// # Errors
/// When the source can't be read or the store not be written. What was kept before that stays.
pub fn ingest(
    home: &Home,
    source: &Source,
    symbols: &[Symbol],
    interval: Interval,
    console: &Console,
) -> Result<Vec<Ingested>> {
    let job = Job { home, symbols, interval, console };
    match source {
        Source::Folder(folder) => job.folder(folder),
        Source::Exchange { rest_url, range } => on_runtime(exchange::ingest(&job, rest_url, *range)),
        Source::Archive { place, rest_url, range } => {
            on_runtime(archive::ingest(&job, place, rest_url.as_deref(), *range))
        }
    }
}

/// Keeps whole series of klines that `source` has; doing it again changes nothing.
///
/// # Errors
/// When the store can't be written.
pub(crate) fn keep(
    home: &Home,
    series: BTreeMap<Symbol, Vec<Kline>>,
    source: &str,
    interval: Interval,
    console: &Console,
) -> Result<Vec<Ingested>> {
    Job { home, symbols: &[], interval, console }.keep(series, source)
}

/// What every way needs.
#[derive(Debug, Clone, Copy)]
struct Job<'a> {
    home: &'a Home,
    /// Empty means all that the source has.
    symbols: &'a [Symbol],
    interval: Interval,
    console: &'a Console,
}

impl Job<'_> {
    fn folder(&self, folder: &Path) -> Result<Vec<Ingested>> {
        let spinner = self.console.spinner("reading kline files");
        let mut files = files_of(folder, self.interval)?;
        spinner.finish_and_clear();
        if !self.symbols.is_empty() {
            files.retain(|symbol, _| self.symbols.contains(symbol));
        }
        if files.is_empty() {
            return Err(TrainerError::Source { problem: "the folder has none of the wanted symbols" });
        }
        self.keep(files, &folder.display().to_string())
    }

    /// Keeps whole series that `source` has, and notes where the store had them otherwise.
    fn keep(&self, series: BTreeMap<Symbol, Vec<Kline>>, source: &str) -> Result<Vec<Ingested>> {
        let bar = self.console.bar(series.len(), "keeping klines");
        let mut disputes = Disputes::open(self.home)?;
        let mut found = Vec::new();
        for (symbol, klines) in series {
            let mut keeper = Keeper::new(self.home, symbol, self.interval);
            keeper.keep(&klines)?;
            keeper.note_disputes(&mut disputes, &[], &format!("what was kept before {source}"))?;
            found.push(keeper.finish(None)?);
            bar.advance(f64::NAN);
        }
        disputes.save(self.home)?;
        Ok(found)
    }

    /// The wanted symbols of a source that can't list its own: the ten pairs if none is named.
    fn symbols_or_pairs(&self) -> Vec<Symbol> {
        if self.symbols.is_empty() {
            PAIRS.iter().filter_map(|name| name.parse().ok()).collect()
        } else {
            self.symbols.to_vec()
        }
    }
}

/// What the files of a folder say: tables of the exchange's form, and our own Parquet.
fn files_of(folder: &Path, interval: Interval) -> Result<BTreeMap<Symbol, Vec<Kline>>> {
    let tables = market::files::read_folder(folder, interval);
    let mut found = match tables {
        Err(market::FileError::Io { .. }) => return Ok(tables?),
        _ => kline_parquet::read_folder(folder, interval)?,
    };
    match tables {
        Err(market::FileError::NoFiles { .. }) if !found.is_empty() => {}
        tables => {
            for (symbol, klines) in tables? {
                if found.insert(symbol, klines).is_some() {
                    return Err(TrainerError::Source {
                        problem: "the folder has a market as Parquet and as a table",
                    });
                }
            }
        }
    }
    Ok(found)
}

fn on_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failed = |source| TrainerError::Io { path: PathBuf::from("the network"), act: "read", source };
    runtime.map_err(failed)?.block_on(work)
}

/// What is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Klines by symbol and in order of time.
    pub klines: BTreeMap<Symbol, Vec<Kline>>,
    /// Where renamed markets' series meet.
    pub joints: Vec<Joint>,
    /// Bars that sources have otherwise.
    pub disputes: Disputes,
}

/// Every kept kline of the wanted symbols (all of them if none is named), by symbol and in order of time. A market that was
/// renamed stands under its new name, with the klines of the old one before (see [`market::renamed`]); answers where they meet.
///
/// # Errors
/// [`TrainerError::NoKlines`] when there is none.
pub fn kept_klines(home: &Home, symbols: &[Symbol], interval: Interval) -> Result<Kept> {
    let store = home.klines();
    let mut found = BTreeMap::new();
    let is_wanted = |symbol: &Symbol| symbols.is_empty() || symbols.contains(symbol);
    let lives_on = |symbol: &Symbol| renamed().any(|(old, new)| old == *symbol && is_wanted(&new));
    for symbol in store.symbols(interval)? {
        if is_wanted(&symbol) || lives_on(&symbol) {
            let klines = store.range(symbol, interval, None, None)?;
            if !klines.is_empty() {
                found.insert(symbol, klines);
            }
        }
    }
    let joints = stitch(&mut found, interval);
    found.retain(|symbol, _| is_wanted(symbol));
    if found.is_empty() {
        return Err(TrainerError::NoKlines { home: home.folder().to_owned(), interval });
    }
    Ok(Kept { klines: found, joints, disputes: Disputes::open(home)? })
}
