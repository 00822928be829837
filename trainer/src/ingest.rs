//! Brings klines into the store: from an exchange by REST, or from a folder of recorded files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};
use market::{ExchangeSettings, RestClient, backfill};
use serde::Serialize;
use store::Home;

use crate::console::{Bar, Console};
use crate::{Result, TrainerError};

/// The ten pairs. Recorded klines from before September 2024 have MATICUSDT, which became POLUSDT.
pub const PAIRS: [&str; 10] = [
    "BTCUSDT", "ETHUSDT", "BNBUSDT", "ADAUSDT", "SOLUSDT", "XRPUSDT", "DOTUSDT", "AVAXUSDT", "POLUSDT",
    "LINKUSDT",
];

/// Bars that are fetched before they are kept, so that a run that was stopped goes on where it was.
const CHUNK_BARS: i64 = 10_000;

/// Where klines come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// An exchange's REST address, and the range of opening times to fetch.
    Exchange {
        /// The base address.
        rest_url: String,
        /// The first opening time; the latest 180 days if not given.
        range: Range,
    },
    /// A folder of recorded files.
    Folder(PathBuf),
}

/// Which klines of an exchange.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    /// How many days before the end.
    pub days: Option<u32>,
    /// The first opening time.
    pub from: Option<Milliseconds>,
    /// The end, not included; the exchange's own time if not given.
    pub until: Option<Milliseconds>,
}

/// How many days are fetched when nothing is said.
pub const DAYS_DEFAULT: u32 = 180;

/// What was brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ingested {
    /// The market.
    pub symbol: Symbol,
    /// Klines that the source gave.
    pub fetched: usize,
    /// Klines that were new to the store, or changed.
    pub written: usize,
    /// The first kept kline's bar.
    pub from: Option<BarTime>,
    /// The last kept kline's bar.
    pub until: Option<BarTime>,
}

/// Brings klines into the store. Doing it again changes nothing; from an exchange it fetches only what is missing
/// at either end.
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
    match source {
        Source::Folder(folder) => ingest_folder(home, folder, symbols, interval, console),
        Source::Exchange { rest_url, range } => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|source| TrainerError::Io {
                path: PathBuf::from("the network"),
                act: "read",
                source,
            })?;
            runtime.block_on(ingest_exchange(home, rest_url, *range, symbols, interval, console))
        }
    }
}

fn ingest_folder(
    home: &Home,
    folder: &Path,
    symbols: &[Symbol],
    interval: Interval,
    console: &Console,
) -> Result<Vec<Ingested>> {
    let spinner = console.spinner("reading kline files");
    let mut files = market::files::read_folder(folder, interval)?;
    spinner.finish_and_clear();
    if !symbols.is_empty() {
        files.retain(|symbol, _| symbols.contains(symbol));
    }
    if files.is_empty() {
        return Err(TrainerError::Source { problem: "the folder has none of the wanted symbols" });
    }
    let bar = console.bar(files.len(), "keeping klines");
    let mut found = Vec::new();
    for (symbol, klines) in files {
        let written = home.klines().append(symbol, interval, &klines)?;
        found.push(ingested(home, symbol, interval, klines.len(), written)?);
        bar.advance(f64::NAN);
    }
    Ok(found)
}

async fn ingest_exchange(
    home: &Home,
    rest_url: &str,
    range: Range,
    symbols: &[Symbol],
    interval: Interval,
    console: &Console,
) -> Result<Vec<Ingested>> {
    let symbols: Vec<Symbol> = if symbols.is_empty() {
        PAIRS.iter().filter_map(|name| name.parse().ok()).collect()
    } else {
        symbols.to_vec()
    };
    // The websocket is never used here; its address only has to be one.
    let settings = ExchangeSettings::at(rest_url, "ws://127.0.0.1", symbols.clone(), interval);
    let client = RestClient::new(&settings)?;
    let until = match range.until {
        Some(until) => until,
        None => client.server_time().await?,
    };
    let until = interval.floor(until);
    let span = i64::from(range.days.unwrap_or(DAYS_DEFAULT)) * 86_400_000;
    let from = interval.floor(range.from.unwrap_or(until - span));
    if from >= until {
        return Err(TrainerError::Source { problem: "the range to fetch is empty" });
    }
    let mut found = Vec::new();
    for symbol in symbols {
        let missing = missing_ranges(home, symbol, interval, from, until)?;
        let bars: i64 = missing.iter().map(|(from, until)| (until - from) / interval.milliseconds()).sum();
        let bar = console.bar(usize::try_from(bars).unwrap_or(0), &format!("fetching {symbol}"));
        let mut job = Fetch { home, client: &client, symbol, interval, bar, fetched: 0, written: 0 };
        for (from, until) in missing {
            job.fetch(from, until).await?;
        }
        found.push(ingested(home, symbol, interval, job.fetched, job.written)?);
    }
    Ok(found)
}

/// The parts of the range before the first and after the last kept kline; all of it if there is none.
fn missing_ranges(
    home: &Home,
    symbol: Symbol,
    interval: Interval,
    from: Milliseconds,
    until: Milliseconds,
) -> Result<Vec<(Milliseconds, Milliseconds)>> {
    let store = home.klines();
    let (Some(first), Some(last)) = (
        store.range(symbol, interval, None, None)?.first().map(|kline| kline.open_time),
        store.last_bar(symbol, interval)?,
    ) else {
        return Ok(vec![(from, until)]);
    };
    let mut missing = Vec::new();
    if from < first {
        missing.push((from, until.min(first)));
    }
    let next = last.milliseconds() + 1;
    if next < until {
        missing.push((from.max(next), until));
    }
    Ok(missing)
}

struct Fetch<'a> {
    home: &'a Home,
    client: &'a RestClient,
    symbol: Symbol,
    interval: Interval,
    bar: Bar,
    fetched: usize,
    written: usize,
}

impl Fetch<'_> {
    /// Fetches and keeps a range in chunks, the earliest first.
    async fn fetch(&mut self, from: Milliseconds, until: Milliseconds) -> Result<()> {
        let step = self.interval.milliseconds();
        let mut start = from;
        while start < until {
            let end = until.min(start + CHUNK_BARS * step);
            let before = self.fetched as u64;
            let bar = &self.bar;
            let klines = backfill(self.client, self.symbol, self.interval, start, end, |progress| {
                bar.set(before + progress.bars_done);
            })
            .await?;
            self.fetched += klines.len();
            self.written += self.home.klines().append(self.symbol, self.interval, &klines)?;
            start = end;
        }
        Ok(())
    }
}

fn ingested(
    home: &Home,
    symbol: Symbol,
    interval: Interval,
    fetched: usize,
    written: usize,
) -> Result<Ingested> {
    let kept = home.klines().range(symbol, interval, None, None)?;
    let bar = |kline: Option<&Kline>| kline.map(|kline| kline.bar_time(interval));
    Ok(Ingested { symbol, fetched, written, from: bar(kept.first()), until: bar(kept.last()) })
}

/// Every kept kline of the wanted symbols (all of them if none is named), by symbol and in order of time.
///
/// # Errors
/// [`TrainerError::NoKlines`] when there is none.
pub fn kept_klines(
    home: &Home,
    symbols: &[Symbol],
    interval: Interval,
) -> Result<BTreeMap<Symbol, Vec<Kline>>> {
    let store = home.klines();
    let mut found = BTreeMap::new();
    for symbol in store.symbols(interval)? {
        if symbols.is_empty() || symbols.contains(&symbol) {
            let klines = store.range(symbol, interval, None, None)?;
            if !klines.is_empty() {
                found.insert(symbol, klines);
            }
        }
    }
    if found.is_empty() {
        return Err(TrainerError::NoKlines { home: home.folder().to_owned(), interval });
    }
    Ok(found)
}
