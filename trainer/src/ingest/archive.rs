//! Klines of an archive: the months, then the days of those months that it does not have, then the exchange.

use futures::{StreamExt, TryStreamExt, stream};
use kline::{Milliseconds, Symbol};
use market::RestClient;
use market::archive::{Archive, ArchiveFile, Period};

use super::disputes::Disputes;
use super::holes::{Hole, Remembered};
use super::keep::Keeper;
use super::{Ingested, Job, Range, exchange};
use crate::console::Bar;
use crate::{Result, TrainerError};

/// Files that are fetched at the same time. They are kept in their order.
const PARALLEL: usize = 4;

/// Fetches what is missing of a range.
pub(super) async fn ingest(
    job: &Job<'_>,
    place: &str,
    rest_url: Option<&str>,
    range: Range,
) -> Result<Vec<Ingested>> {
    let archive = Archive::open(place)?;
    let symbols = match archive.symbols(job.interval) {
        listed if listed.is_empty() || !job.symbols.is_empty() => job.symbols_or_pairs(),
        listed => listed,
    };
    let client = match rest_url {
        Some(rest_url) => Some((exchange::client(job, rest_url, &symbols)?, rest_url)),
        None => None,
    };
    let now = match (range.until, &client) {
        (Some(until), _) => until,
        (None, Some((client, _))) => client.server_time().await?,
        (None, None) => crate::clock::now(),
    };
    let mut remembered = Remembered::open(job.home, range.ask_again)?;
    let mut disputes = match Disputes::open(job.home) {
        // Who asks again takes no word of what was noted before.
        Err(_) if range.ask_again => Disputes::default(),
        read => read?,
    };
    let mut found = Vec::new();
    for symbol in symbols {
        let asked = asked(job, &archive, symbol, range, now)?;
        let mut keeper = Keeper::new(job.home, symbol, job.interval);
        let run = Run { job, archive: &archive, symbol, asked };
        run.fetch_missing(&mut keeper, &mut remembered).await?;
        keeper.note_disputes(&mut disputes, &[], &format!("what was kept before archive {archive}"))?;
        if let Some((client, rest_url)) = &client {
            let exchange: (&RestClient, &str) = (client, rest_url);
            exchange::compare(job, exchange, symbol, asked, &mut keeper, &mut disputes).await?;
            exchange::fetch_missing(job, exchange, symbol, asked, &mut keeper, &mut remembered).await?;
        }
        found.push(keeper.finish(Some(asked))?);
    }
    disputes.save(job.home)?;
    if found.iter().all(|one| one.from.is_none()) {
        return Err(TrainerError::Source { problem: "the archive has none of the wanted klines" });
    }
    Ok(found)
}

/// All that a folder has if nothing is said; else the range.
fn asked(
    job: &Job<'_>,
    archive: &Archive,
    symbol: Symbol,
    range: Range,
    now: Milliseconds,
) -> Result<(Milliseconds, Milliseconds)> {
    let said = range.days.is_some() || range.from.is_some() || range.until.is_some();
    match archive.extent(symbol, job.interval) {
        Some((from, until)) if !said => {
            let end = now.max(from + job.interval.milliseconds());
            Range { from: Some(from), until: Some(until.min(end)), ..range }.resolve(job.interval, now)
        }
        _ => range.resolve(job.interval, now),
    }
}

/// One symbol's files.
struct Run<'a> {
    job: &'a Job<'a>,
    archive: &'a Archive,
    symbol: Symbol,
    asked: (Milliseconds, Milliseconds),
}

impl Run<'_> {
    async fn fetch_missing(&self, keeper: &mut Keeper<'_>, remembered: &mut Remembered) -> Result<()> {
        let (interval, source) = (self.job.interval, format!("archive {}", self.archive));
        let missing = |keeper: &Keeper<'_>, remembered: &Remembered| -> Result<Vec<Hole>> {
            Ok(remembered.unknown(&source, self.symbol, interval, &keeper.missing(self.asked)?))
        };
        let months = self.files(Period::months(self.asked.0, self.asked.1), &missing(keeper, remembered)?);
        if months.is_empty() {
            return Ok(());
        }
        let bar = self.job.console.bar(months.len(), &format!("fetching months of {}", self.symbol));
        let absent = self.fetch(months, &bar, keeper).await?;
        let days = absent.iter().flat_map(|file| file.period.days()).collect();
        let days = self.files(days, &missing(keeper, remembered)?);
        drop(bar);
        let bar = self.job.console.bar(days.len(), &format!("fetching days of {}", self.symbol));
        self.fetch(days, &bar, keeper).await?;
        let end = self.asked.1.min(crate::clock::now());
        remembered.note(&source, self.symbol, interval, (&keeper.missing(self.asked)?, end))
    }

    /// The files of those periods that have a part of what is missing.
    fn files(&self, periods: Vec<Period>, missing: &[Hole]) -> Vec<ArchiveFile> {
        let (symbol, interval) = (self.symbol, self.job.interval);
        let wanted = periods
            .into_iter()
            .filter(|period| missing.iter().any(|hole| hole.meets(period.from(), period.until())));
        wanted.map(|period| ArchiveFile { symbol, interval, period }).collect()
    }

    /// Fetches files, a few at a time, and keeps each one's klines when its turn comes. Answers which ones there are not.
    async fn fetch(
        &self,
        files: Vec<ArchiveFile>,
        bar: &Bar,
        keeper: &mut Keeper<'_>,
    ) -> Result<Vec<ArchiveFile>> {
        let mut absent = Vec::new();
        let fetched = stream::iter(files).map(|file| async move {
            let klines = self.archive.klines(&file).await;
            klines.map(|klines| (file, klines))
        });
        let mut fetched = std::pin::pin!(fetched.buffered(PARALLEL));
        while let Some((file, klines)) = fetched.try_next().await? {
            match klines {
                None => absent.push(file),
                Some(mut klines) => {
                    klines.retain(|kline| (self.asked.0..self.asked.1).contains(&kline.open_time));
                    keeper.keep(&klines)?;
                }
            }
            bar.advance(f64::NAN);
        }
        Ok(absent)
    }
}
