//! The journal as Parquet files, for any other tool, and so that the server may drop what is old: for each UTC day of bars one
//! file of predictions and one of outcomes.
//!
//! A file is written beside its place and renamed. Its footer says up to which record of the chain it reaches, so a later run
//! writes only what has grown since, and a run that was killed goes on where it was.

mod columns;
mod file;
mod outcomes;
mod predictions;

use std::path::{Path, PathBuf};

use forecast::JournalRecord;
use kline::Milliseconds;
use serde::Serialize;
use store::{ChainPlace, ChainedRecord, Exported, Home, JournalDay, JournalRetention};

use crate::console::Console;
use crate::{Result, TrainerError};

use file::{Stamp, TableFile};

pub use outcomes::OUTCOMES;
pub use predictions::PREDICTIONS;

const DAY_MS: Milliseconds = 86_400_000;

/// Records of one row group: some 40 MB of predictions while they are read.
const GROUP_RECORDS: usize = 4_096;

/// What is exported.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// The folder of the files.
    pub to: PathBuf,
    /// Any time of the first day; `None` begins with the first that is kept.
    pub from: Option<Milliseconds>,
    /// Any time of the last day; `None` ends with the last one.
    pub until: Option<Milliseconds>,
}

/// One file of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// The file.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// Records of the journal in it.
    pub records: u64,
    /// Its size.
    pub bytes: u64,
    /// Whether it was written now; else it was complete already.
    pub written: bool,
}

/// What an export did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Export {
    /// The files, day by day.
    pub files: Vec<ExportedFile>,
    /// The number of the chain's last record up to which all are exported, by this or an earlier run; 0 if none are.
    pub exported_number: i64,
    /// That record's hash, in hexadecimal; empty if there is none.
    pub exported_hash: String,
    /// How many later records the journal has that are not.
    pub behind: i64,
}

/// Which of a day's two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Predictions,
    Outcomes,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Predictions, Self::Outcomes];

    const fn name(self) -> &'static str {
        match self {
            Self::Predictions => PREDICTIONS,
            Self::Outcomes => OUTCOMES,
        }
    }

    /// What the journal has of a day.
    const fn stamp(self, day: &JournalDay) -> Stamp {
        match self {
            Self::Predictions => Stamp { records: day.predictions, last_number: day.last_prediction },
            Self::Outcomes => Stamp { records: day.outcomes, last_number: day.last_outcome },
        }
    }

    const fn has(self, record: &JournalRecord) -> bool {
        matches!(
            (self, record),
            (Self::Predictions, JournalRecord::Prediction(_))
                | (Self::Outcomes, JournalRecord::Resolution(_))
        )
    }
}

/// The bars of the days that were asked for: from one close to before another.
fn range(request: &ExportRequest, first_kept: Milliseconds) -> (Milliseconds, Milliseconds) {
    let floor = |time: Milliseconds| time.div_euclid(DAY_MS).saturating_mul(DAY_MS);
    let from = request.from.map_or(0, floor).max(first_kept);
    let until = request.until.map_or(Milliseconds::MAX, |time| floor(time).saturating_add(DAY_MS));
    (from, until)
}

/// Writes the days' files that are missing or have grown, and remembers how far the journal is exported.
///
/// # Errors
/// When the journal can't be read, a record of it is not as it was written, or a file can't be written.
pub fn export(home: &Home, request: &ExportRequest, console: &Console) -> Result<Export> {
    let journal = home.retention();
    let folder = made(&request.to)?;
    // What comes while this runs may be in the files, and is not promised.
    let end = journal.place(None)?;
    let first_kept = journal.dropped()?.map_or(0, |dropped| dropped.before_ms);
    let (from, until) = range(request, first_kept);
    let days = journal.days(from, until)?;
    let records: u64 = days.iter().map(|day| day.predictions + day.outcomes).sum();
    let bar = console.bar(usize::try_from(records).unwrap_or(usize::MAX), "exporting the journal");
    let mut files = Vec::new();
    let mut done = 0;
    for day in &days {
        for kind in Kind::ALL {
            let stamp = kind.stamp(day);
            if stamp.records > 0 {
                files.push(export_day(journal, &folder, kind, day, |records| bar.set(done + records))?);
            }
            done += stamp.records;
            bar.set(done);
        }
    }
    drop(bar);
    let exported = remember(journal, &folder, (from, until), end)?;
    let number = exported.map_or(0, |place| place.number);
    Ok(Export {
        files,
        exported_number: number,
        exported_hash: exported.map_or_else(String::new, |place| place.hash.to_string()),
        behind: end.map_or(0, |end| end.number - number).max(0),
    })
}

/// The folder, made if need be, by its whole name: the server tells it to those who ask for what was dropped.
fn made(folder: &Path) -> Result<PathBuf> {
    let unwritten = |source| TrainerError::Io { path: folder.to_owned(), act: "written", source };
    std::fs::create_dir_all(folder).map_err(unwritten)?;
    folder.canonicalize().map_err(unwritten)
}

/// One file of a day: written if it is not there or has not all that the journal has.
fn export_day(
    journal: &dyn JournalRetention,
    folder: &Path,
    kind: Kind,
    day: &JournalDay,
    progress: impl Fn(u64),
) -> Result<ExportedFile> {
    let start = day.day * DAY_MS;
    let path = folder.join(format!("{}-{}.parquet", kind.name(), date(start)));
    if let Some(known) = file::known(&path).filter(|known| known.stamp == kind.stamp(day)) {
        return Ok(ExportedFile {
            path,
            rows: known.rows,
            records: known.stamp.records,
            bytes: known.bytes,
            written: false,
        });
    }
    let mut table = match kind {
        Kind::Predictions => TableFile::create(&path, predictions::schema(&path)?)?,
        Kind::Outcomes => TableFile::create(&path, outcomes::schema(&path)?)?,
    };
    let mut waiting: Vec<ChainedRecord> = Vec::new();
    for bar in journal.bars(start, start + DAY_MS)? {
        waiting.extend(journal.chained(bar)?.into_iter().filter(|one| kind.has(&one.record)));
        if waiting.len() >= GROUP_RECORDS {
            add(&mut table, kind, &mut waiting)?;
            progress(table.records());
        }
    }
    add(&mut table, kind, &mut waiting)?;
    let known = table.finish()?;
    Ok(ExportedFile {
        path,
        rows: known.rows,
        records: known.stamp.records,
        bytes: known.bytes,
        written: true,
    })
}

/// Writes what waits as a row group of its own.
fn add(table: &mut TableFile, kind: Kind, waiting: &mut Vec<ChainedRecord>) -> Result<()> {
    let Some(last_number) = waiting.iter().map(|one| one.place.number).max() else { return Ok(()) };
    let columns = match kind {
        Kind::Predictions => predictions::columns(waiting),
        Kind::Outcomes => outcomes::columns(waiting),
    };
    table.add(&columns, Stamp { records: waiting.len() as u64, last_number })?;
    waiting.clear();
    Ok(())
}

/// Remembers the last record up to which all are in files now; that place, or the one of an earlier run if it is further.
fn remember(
    journal: &dyn JournalRetention,
    folder: &Path,
    (from, until): (Milliseconds, Milliseconds),
    end: Option<ChainPlace>,
) -> Result<Option<ChainPlace>> {
    let earlier = journal.exported()?.map(|exported| exported.last);
    let dropped = journal.dropped()?.map(|dropped| dropped.last);
    let known = earlier.max_by_number(dropped);
    let start = known.map_or(0, |place| place.number);
    let Some(end) = end.filter(|end| end.number > start) else { return Ok(known) };
    // What is of days before the first that is kept was exported before, or dropped by the owner's will.
    let from = if from <= journal.dropped()?.map_or(0, |dropped| dropped.before_ms) { 0 } else { from };
    let outside = journal.first_outside(start, from, until)?;
    let number = outside.map_or(end.number, |outside| end.number.min(outside - 1));
    if number <= start {
        return Ok(known);
    }
    let Some(last) = journal.place(Some(number))? else { return Ok(known) };
    journal.note_exported(&Exported { last, to: folder.display().to_string() })?;
    Ok(Some(last))
}

/// The further of two places.
trait Further {
    fn max_by_number(self, other: Self) -> Self;
}

impl Further for Option<ChainPlace> {
    fn max_by_number(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) if b.number > a.number => Some(b),
            (Some(a), _) => Some(a),
            (None, other) => other,
        }
    }
}

/// A UTC day as files are named by it, `2024-09-06`.
fn date(start: Milliseconds) -> String {
    crate::time::readable(start).chars().take(10).collect()
}
