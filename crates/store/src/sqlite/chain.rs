//! The journal's chain in SQLite: one row a record, in the order of writing.

use std::ops::ControlFlow;
use std::path::Path;

use forecast::Task;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use super::failed;
use crate::StoreError;
use crate::chain::{ChainFaultKind, ChainHash, RecordKey, Verification};

/// The end of the chain, to which a transaction appends.
pub(super) struct Chain<'a> {
    transaction: &'a Transaction<'a>,
    number: i64,
    head: ChainHash,
}

impl<'a> Chain<'a> {
    /// The chain as it is now.
    pub(super) fn end(transaction: &'a Transaction<'a>) -> rusqlite::Result<Chain<'a>> {
        let last = transaction
            .query_row("SELECT number, hash FROM journal_chain ORDER BY number DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, ChainHash(row.get(1)?)))
            })
            .optional()?;
        let (number, head) = last.unwrap_or((0, ChainHash::BEGINNING));
        Ok(Chain { transaction, number, head })
    }

    /// Appends a record that was written.
    pub(super) fn append(&mut self, key: &RecordKey, text: &str) -> rusqlite::Result<()> {
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
        Ok(())
    }
}

/// A record as the chain names it, and its text if it is there.
struct Link {
    number: i64,
    key: Option<RecordKey>,
    named: String,
    hash: ChainHash,
    text: Option<String>,
}

/// Every record of the chain with its text. A resolution has a task, a prediction has none.
const LINKS: &str = "
    SELECT c.number, c.bar_time, c.symbol, c.bundle, c.task, c.revision, c.hash, COALESCE(p.record, r.record)
    FROM journal_chain c
    LEFT JOIN predictions p ON c.task = '' AND p.bar_time = c.bar_time AND p.symbol = c.symbol
        AND p.bundle = c.bundle AND p.revision = c.revision
    LEFT JOIN resolutions r ON c.task <> '' AND r.bar_time = c.bar_time AND r.symbol = c.symbol
        AND r.bundle = c.bundle AND r.task = c.task AND r.revision = c.revision
    ORDER BY c.number";

/// Records that the chain does not name.
const UNKNOWN: &str = "
    SELECT 'prediction ' || symbol || ' ' || bar_time || ' ' || bundle || ' revision ' || revision
    FROM predictions p WHERE NOT EXISTS (SELECT 1 FROM journal_chain c WHERE c.task = '' AND c.bar_time = p.bar_time
        AND c.symbol = p.symbol AND c.bundle = p.bundle AND c.revision = p.revision)
    UNION ALL
    SELECT 'outcome ' || symbol || ' ' || bar_time || ' ' || bundle || ' ' || task || ' revision ' || revision
    FROM resolutions r WHERE NOT EXISTS (SELECT 1 FROM journal_chain c WHERE c.task = r.task AND c.bar_time = r.bar_time
        AND c.symbol = r.symbol AND c.bundle = r.bundle AND c.revision = r.revision)";

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
    let mut found = Verification::begin();
    let total: i64 = transaction.query_row("SELECT count(*) FROM journal_chain", [], |row| row.get(0))?;
    let total = u64::try_from(total).unwrap_or_default();
    let mut statement = transaction.prepare(LINKS)?;
    let mut rows = statement.query([])?;
    let mut before = 0;
    while let Some(row) = rows.next()? {
        let link = Link::read(row)?;
        found.records += 1;
        if link.number != before + 1 {
            found.fault(link.number, link.named.clone(), ChainFaultKind::Hole);
        }
        before = link.number;
        match (&link.text, &link.key) {
            (None, _) => found.fault(link.number, link.named, ChainFaultKind::Missing),
            (Some(text), Some(key)) if found.head.followed_by(key, text) == link.hash => {}
            (Some(_), _) => found.fault(link.number, link.named, ChainFaultKind::Changed),
        }
        // What follows is held against what was written, so that each fault is told once.
        found.head = link.hash;
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

impl Link {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Link> {
        let (bar_time, revision) = (row.get(1)?, row.get(5)?);
        let (symbol, bundle, task): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let parsed_task = match task.as_str() {
            "" => Some(None),
            name => Task::ALL.into_iter().find(|task| task.name() == name).map(Some),
        };
        let key = symbol.parse().ok().zip(bundle.parse().ok()).zip(parsed_task);
        let key = key.map(|((symbol, bundle), task)| RecordKey { bar_time, symbol, bundle, task, revision });
        let named = format!("{symbol} {bar_time} {bundle} {task} revision {revision}");
        Ok(Link {
            number: row.get(0)?,
            named: key.as_ref().map_or(named, RecordKey::to_string),
            key,
            hash: ChainHash(row.get(6)?),
            text: row.get(7)?,
        })
    }
}
