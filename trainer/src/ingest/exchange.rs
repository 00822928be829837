//! Klines of an exchange, by REST.

use kline::{Milliseconds, Symbol};
use market::{ExchangeSettings, RestClient, backfill};

use super::disputes::Disputes;
use super::holes::Remembered;
use super::keep::Keeper;
use super::{Ingested, Job, Range};
use crate::Result;

/// Bars that are fetched before they are kept, so that a run that was stopped goes on where it was.
const CHUNK_BARS: i64 = 10_000;

/// Bars that an exchange is asked for again beside an archive: one page.
const COMPARED_BARS: i64 = 1_000;

/// A client of the exchange at an address.
pub(super) fn client(job: &Job<'_>, rest_url: &str, symbols: &[Symbol]) -> Result<RestClient> {
    // The websocket is never used here; its address only has to be one.
    let settings = ExchangeSettings::at(rest_url, "ws://127.0.0.1", symbols.to_vec(), job.interval);
    Ok(RestClient::new(&settings)?)
}

/// Fetches what is missing of a range, at its ends and inside.
pub(super) async fn ingest(job: &Job<'_>, rest_url: &str, range: Range) -> Result<Vec<Ingested>> {
    let symbols = job.symbols_or_pairs();
    let client = client(job, rest_url, &symbols)?;
    let now = match range.until {
        Some(until) => until,
        None => client.server_time().await?,
    };
    let asked = range.resolve(job.interval, now)?;
    let mut remembered = Remembered::open(job.home, range.ask_again)?;
    let mut found = Vec::new();
    for symbol in symbols {
        let mut keeper = Keeper::new(job.home, symbol, job.interval);
        fetch_missing(job, (&client, rest_url), symbol, asked, &mut keeper, &mut remembered).await?;
        found.push(keeper.finish(Some(asked))?);
    }
    Ok(found)
}

/// Asks the exchange for the newest bars that are kept of a range, and notes where it has them otherwise. What is kept stays.
pub(super) async fn compare(
    job: &Job<'_>,
    (client, rest_url): (&RestClient, &str),
    symbol: Symbol,
    asked: (Milliseconds, Milliseconds),
    keeper: &mut Keeper<'_>,
    disputes: &mut Disputes,
) -> Result<()> {
    let Some(last) = keeper.last_kept(asked)? else { return Ok(()) };
    let step = job.interval.milliseconds();
    let (from, until) = (asked.0.max(last - (COMPARED_BARS - 1) * step), last + step);
    let given = backfill(client, symbol, job.interval, from, until, |_| ()).await?;
    keeper.note_disputes(disputes, &given, &format!("exchange {rest_url}"))
}

/// Fetches and keeps what is missing of a range and not known to be missing at the exchange too, the earliest first.
pub(super) async fn fetch_missing(
    job: &Job<'_>,
    (client, rest_url): (&RestClient, &str),
    symbol: Symbol,
    asked: (Milliseconds, Milliseconds),
    keeper: &mut Keeper<'_>,
    remembered: &mut Remembered,
) -> Result<()> {
    let (interval, source) = (job.interval, format!("exchange {rest_url}"));
    let missing = remembered.unknown(&source, symbol, interval, &keeper.missing(asked)?);
    let bars: i64 = missing.iter().map(|hole| hole.bars).sum();
    let bar = job.console.bar(usize::try_from(bars).unwrap_or(0), &format!("fetching {symbol}"));
    let before = keeper.fetched() as u64;
    for hole in &missing {
        let mut start = hole.from;
        while start < hole.until {
            let end = hole.until.min(start + CHUNK_BARS * interval.milliseconds());
            let done = keeper.fetched() as u64 - before;
            let progress = |page: market::BackfillProgress| bar.set(done + page.bars_done);
            let klines = backfill(client, symbol, interval, start, end, progress).await?;
            keeper.keep(&klines)?;
            start = end;
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    // What the exchange has not come to yet is no hole to remember.
    let end = asked.1.min(client.server_time().await?);
    remembered.note(&source, symbol, interval, (&keeper.missing(asked)?, end))
}
