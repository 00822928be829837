//! The journal's chain in SQLite: one row a record, in the order of writing.

use std::ops::ControlFlow;
use std::path::Path;

use forecast::Task;
use kline::Milliseconds;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use super::failed;
use super::retention::dropped;
use crate::chain::{ChainFaultKind, ChainHash, LINKS, Link, RecordKey, UNKNOWN, Verification};
use crate::{ChainPlace, StoreError};

/// The end of the chain, to which a transaction appends.
pub(super) struct Chain<'a> {
    transaction: &'a Transaction<'a>,
    number: i64,
    head: ChainHash,
    /// Bars that close before were dropped.
    before_ms: Milliseconds,
}

impl<'a> Chain<'a> {
    /// The chain as it is now.
    pub(super) fn end(transaction: &'a Transaction<'a>) -> rusqlite::Result<Chain<'a>> {
        let last = transaction
            .query_row("SELECT number, hash FROM journal_chain ORDER BY number DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, ChainHash(row.get(1)?)))
            })
            .optional()?;
        let dropped = dropped(transaction)?;
        let start =
            dropped.map_or((0, ChainHash::BEGINNING), |dropped| (dropped.last.number, dropped.last.hash));
        let (number, head) = last.unwrap_or(start);
        let before_ms = dropped.map_or(i64::MIN, |dropped| dropped.before_ms);
        Ok(Chain { transaction, number, head, before_ms })
    }

    /// Whether a bar's records were dropped: they are not written again.
    pub(super) const fn has_dropped(&self, bar_time: Milliseconds) -> bool {
        bar_time < self.before_ms
    }

    /// Appends a record that was written; its place.
    pub(super) fn append(&mut self, key: &RecordKey, text: &str) -> rusqlite::Result<ChainPlace> {
        self.number += 1;
        self.head = self.head.followed_by(key, text);
        self.transaction
            .prepare_cached("INSERT INTO journal_chain VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![
                self.number,
                key.bar_time,
                key.symbol.as_str(),
                key.bundle.to_string(),
                key.task.map_or("", Task::name),
                key.revision,
                self.head.0,
            ])?;
        Ok(ChainPlace { number: self.number, hash: self.head })
    }

    /// The place of a prediction that was written before.
    pub(super) fn find(&self, key: &RecordKey) -> rusqlite::Result<Option<ChainPlace>> {
        let sql = "SELECT number, hash FROM journal_chain
            WHERE bar_time = ?1 AND symbol = ?2 AND bundle = ?3 AND task = '' AND revision = ?4";
        let key = params![key.bar_time, key.symbol.as_str(), key.bundle.to_string(), key.revision];
        let place =
            |row: &rusqlite::Row<'_>| Ok(ChainPlace { number: row.get(0)?, hash: ChainHash(row.get(1)?) });
        self.transaction.prepare_cached(sql)?.query_row(key, place).optional()
    }
}

/// Follows the chain from its beginning, on a connection of its own so that nobody waits for it. `progress` is told how many
/// of how many records were looked at; `None` if it breaks off.
pub(super) fn verify(
    path: &Path,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Option<Verification>, StoreError> {
    let action = "following the journal's chain";
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let mut connection = connection.map_err(failed(path, action))?;
    // One state of the database, whatever is written meanwhile.
    let transaction = connection.transaction().map_err(failed(path, action))?;
    follow(&transaction, progress).map_err(failed(path, action))
}

fn follow(
    transaction: &Transaction<'_>,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> rusqlite::Result<Option<Verification>> {
    let mut found = Verification::begin(dropped(transaction)?);
    let total: i64 = transaction.query_row("SELECT count(*) FROM journal_chain", [], |row| row.get(0))?;
    let total = u64::try_from(total).unwrap_or_default();
    let mut statement = transaction.prepare(LINKS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.follow(read(row)?);
        if progress(found.records, total).is_break() {
            return Ok(None);
        }
    }
    let mut statement = transaction.prepare(UNKNOWN)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.fault(0, row.get(0)?, ChainFaultKind::Unknown);
    }
    Ok(Some(found))
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Link> {
    let (symbol, bundle, task): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let names = [symbol.as_str(), &bundle, &task];
    let revision: i64 = row.get(5)?;
    Ok(Link::new(row.get(0)?, row.get(1)?, names, revision, ChainHash(row.get(6)?), row.get(7)?))
}
