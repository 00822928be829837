//! The journal's chain in PostgreSQL: one row a record, in the order of writing. Whoever appends holds a lock until the
//! transaction ends, so that two writers can't both go on from one record.

use std::ops::ControlFlow;

use forecast::Task;
use futures::{TryStreamExt, pin_mut};
use kline::Milliseconds;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::fault::Fault;
use super::pool::Session;
use crate::chain::{ChainFaultKind, ChainHash, Link, RecordKey, Verification};
use crate::retention::{DROPPED, MARK};
use crate::{ChainPlace, Dropped, StoreError};

const LOCK: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('klinecast journal ' || current_schema, 0))";

const LAST: &str = "SELECT number, hash FROM journal_chain ORDER BY number DESC LIMIT 1";

const APPEND: &str = "
    INSERT INTO journal_chain SELECT * FROM
        unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::bytea[])";

/// Locks the chain until the transaction ends.
pub(super) async fn lock(session: &mut Session) -> Result<(), Fault> {
    let lock = session.statement(LOCK).await?;
    session.client.query(&lock, &[]).await?;
    Ok(())
}

/// The end of the chain, to which a transaction appends.
pub(super) struct Chain {
    number: i64,
    head: ChainHash,
    /// Bars that close before were dropped.
    pub(super) before_ms: Milliseconds,
    /// Appended, not yet written.
    links: Vec<(i64, RecordKey, ChainHash)>,
}

impl Chain {
    /// The chain as it is now, locked.
    pub(super) async fn end(session: &mut Session) -> Result<Self, Fault> {
        lock(session).await?;
        // A statement of its own: it sees what the one who held the lock before has committed.
        let last = session.statement(LAST).await?;
        let last = session.client.query_opt(&last, &[]).await?;
        let dropped = dropped(session).await?;
        let (number, head) = match last {
            None => {
                dropped.map_or((0, ChainHash::BEGINNING), |dropped| (dropped.last.number, dropped.last.hash))
            }
            Some(row) => {
                let number = row.try_get(0)?;
                let damaged =
                    || StoreError::StoredText { what: "chain's hash", text: format!("number {number}") };
                (number, hash(&row, 1)?.ok_or_else(damaged)?)
            }
        };
        let before_ms = dropped.map_or(i64::MIN, |dropped| dropped.before_ms);
        Ok(Self { number, head, before_ms, links: Vec::new() })
    }

    /// Appends a record that was written; its place.
    pub(super) fn append(&mut self, key: &RecordKey, text: &str) -> ChainPlace {
        self.number += 1;
        self.head = self.head.followed_by(key, text);
        self.links.push((self.number, key.clone(), self.head));
        ChainPlace { number: self.number, hash: self.head }
    }

    /// Writes what was appended.
    pub(super) async fn write(&mut self, session: &mut Session) -> Result<(), Fault> {
        let links = std::mem::take(&mut self.links);
        if links.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i64> = links.iter().map(|(number, ..)| *number).collect();
        let bar_times: Vec<i64> = links.iter().map(|(_, key, _)| key.bar_time).collect();
        let symbols: Vec<&str> = links.iter().map(|(_, key, _)| key.symbol.as_str()).collect();
        let bundles: Vec<String> = links.iter().map(|(_, key, _)| key.bundle.to_string()).collect();
        let tasks: Vec<&str> = links.iter().map(|(_, key, _)| key.task.map_or("", Task::name)).collect();
        let revisions: Vec<i64> = links.iter().map(|(_, key, _)| i64::from(key.revision)).collect();
        let hashes: Vec<&[u8]> = links.iter().map(|(.., hash)| hash.0.as_slice()).collect();
        let statement = session.statement(APPEND).await?;
        let parameters: [&(dyn ToSql + Sync); 7] =
            [&numbers, &bar_times, &symbols, &bundles, &tasks, &revisions, &hashes];
        session.client.execute(&statement, &parameters).await?;
        Ok(())
    }
}

/// Follows the chain from its beginning in one state of the database, whatever is written meanwhile. Nobody waits for it.
pub(super) fn verify(
    store: &PostgresStore,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Option<Verification>, StoreError> {
    store.read("following the journal's chain", async |session| {
        // However long the journal is.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0";
        session.client.batch_execute(begin).await?;
        let found = follow(session, progress).await;
        session.client.batch_execute("ROLLBACK").await?;
        found
    })
}

async fn follow(
    session: &mut Session,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Option<Verification>, Fault> {
    let mut found = Verification::begin(dropped(session).await?);
    let count: i64 = session.client.query_one("SELECT count(*) FROM journal_chain", &[]).await?.try_get(0)?;
    let total = u64::try_from(count).unwrap_or_default();
    let links = session.statement(crate::chain::LINKS).await?;
    let rows = session.client.query_raw(&links, std::iter::empty::<i64>()).await?;
    pin_mut!(rows);
    while let Some(row) = rows.try_next().await? {
        found.follow(read(&row)?);
        if progress(found.records, total).is_break() {
            return Ok(None);
        }
    }
    let unknown = session.statement(crate::chain::UNKNOWN).await?;
    for row in session.client.query(&unknown, &[]).await? {
        found.fault(0, row.try_get(0)?, ChainFaultKind::Unknown);
    }
    Ok(Some(found))
}

fn read(row: &Row) -> Result<Link, tokio_postgres::Error> {
    let names: [&str; 3] = [row.try_get(2)?, row.try_get(3)?, row.try_get(4)?];
    // A hash of another length is none that we wrote.
    let hash = hash(row, 6)?.unwrap_or(ChainHash::BEGINNING);
    let revision: i64 = row.try_get(5)?;
    Ok(Link::new(row.try_get(0)?, row.try_get(1)?, names, revision, hash, row.try_get(7)?))
}

/// What was dropped, seen by a transaction.
pub(super) async fn dropped(session: &mut Session) -> Result<Option<Dropped>, Fault> {
    let statement = session.statement(MARK).await?;
    let Some(row) = session.client.query_opt(&statement, &[&DROPPED]).await? else { return Ok(None) };
    let before_ms: Option<i64> = row.try_get(2)?;
    Ok(Some(Dropped { last: place(&row)?, before_ms: before_ms.unwrap_or_default() }))
}

/// The number and the hash that a row begins with.
pub(super) fn place(row: &Row) -> Result<ChainPlace, Fault> {
    let number = row.try_get(0)?;
    let damaged = || StoreError::StoredText { what: "chain's hash", text: format!("number {number}") };
    Ok(ChainPlace { number, hash: hash(row, 1)?.ok_or_else(damaged)? })
}

pub(super) fn hash(row: &Row, column: usize) -> Result<Option<ChainHash>, tokio_postgres::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    Ok(bytes.try_into().ok().map(ChainHash))
}
