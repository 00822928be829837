//! The journal's retention in SQLite.

use std::collections::BTreeMap;

use kline::Milliseconds;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::SqliteStore;
use crate::chain::ChainHash;
use crate::retention::{
    BARS, CHAINED, ChainedRow, DAYS, DROPPED, EXPORTED, FIRST_LINKS, FIRST_OUTSIDE, MARK, PUT_MARK, gather,
};
use crate::{ChainPlace, ChainedRecord, Dropped, Exported, JournalDay, JournalRetention, StoreError};

const READING: &str = "reading the journal";

/// What was dropped, seen by a transaction.
pub(super) fn dropped(connection: &Connection) -> rusqlite::Result<Option<Dropped>> {
    let mut statement = connection.prepare_cached(MARK)?;
    let found = statement.query_row([DROPPED], |row| {
        Ok(Dropped { last: place(row)?, before_ms: row.get::<_, Option<i64>>(2)?.unwrap_or_default() })
    });
    found.optional()
}

/// The number and the hash that a row begins with.
fn place(row: &Row<'_>) -> rusqlite::Result<ChainPlace> {
    Ok(ChainPlace { number: row.get(0)?, hash: ChainHash(row.get(1)?) })
}

fn chained_row(row: &Row<'_>) -> rusqlite::Result<ChainedRow> {
    Ok(ChainedRow {
        place: ChainPlace { number: row.get(0)?, hash: ChainHash(row.get(5)?) },
        names: [row.get(1)?, row.get(2)?, row.get(3)?],
        revision: row.get(4)?,
        before: row.get::<_, Option<[u8; 32]>>(6)?.map(ChainHash),
        text: row.get(7)?,
    })
}

/// Deletes the records of the links from one number to another, both included, and the links.
fn delete(transaction: &Transaction<'_>, from: i64, to: i64) -> rusqlite::Result<()> {
    // Row by row by their whole keys: a subquery would look at all that is kept.
    let mut links = transaction.prepare_cached(
        "SELECT bar_time, symbol, bundle, task, revision FROM journal_chain WHERE number BETWEEN ?1 AND ?2",
    )?;
    let mut prediction = transaction.prepare_cached(
        "DELETE FROM predictions WHERE bar_time = ?1 AND symbol = ?2 AND bundle = ?3 AND revision = ?5 AND ?4 = ''",
    )?;
    let mut resolution = transaction.prepare_cached(
        "DELETE FROM resolutions WHERE bar_time = ?1 AND symbol = ?2 AND bundle = ?3 AND task = ?4 AND revision = ?5",
    )?;
    let mut rows = links.query(params![from, to])?;
    while let Some(row) = rows.next()? {
        let (bar_time, revision): (i64, i64) = (row.get(0)?, row.get(4)?);
        let names: [String; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
        let [symbol, bundle, task] = names;
        let statement = if task.is_empty() { &mut prediction } else { &mut resolution };
        statement.execute(params![bar_time, symbol, bundle, task, revision])?;
    }
    drop(rows);
    transaction.execute("DELETE FROM journal_chain WHERE number BETWEEN ?1 AND ?2", params![from, to])?;
    Ok(())
}

fn drop_first(transaction: &Transaction<'_>, before: Milliseconds, limit: u32) -> rusqlite::Result<usize> {
    let anchor = dropped(transaction)?.map_or(0, |dropped| dropped.last.number);
    let mut statement = transaction.prepare_cached(FIRST_LINKS)?;
    let mut rows = statement.query(params![anchor, limit])?;
    let (mut count, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        let bar_time: i64 = row.get(1)?;
        if bar_time >= before {
            break;
        }
        count += 1;
        last = Some(ChainPlace { number: row.get(0)?, hash: ChainHash(row.get(2)?) });
    }
    drop(rows);
    if let Some(last) = last {
        delete(transaction, anchor + 1, last.number)?;
        let mut put = transaction.prepare_cached(PUT_MARK)?;
        put.execute(params![DROPPED, last.number, last.hash.0, before, None::<String>])?;
    }
    Ok(count)
}

impl SqliteStore {
    fn look<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let connection = self.lock()?;
        work(&connection).map_err(self.failed(READING))
    }
}

impl JournalRetention for SqliteStore {
    fn dropped(&self) -> Result<Option<Dropped>, StoreError> {
        self.look(dropped)
    }

    fn exported(&self) -> Result<Option<Exported>, StoreError> {
        self.look(|connection| {
            let mut statement = connection.prepare_cached(MARK)?;
            let found = statement.query_row([EXPORTED], |row| {
                let to = row.get::<_, Option<String>>(3)?.unwrap_or_default();
                Ok(Exported { last: place(row)?, to })
            });
            found.optional()
        })
    }

    fn note_exported(&self, exported: &Exported) -> Result<(), StoreError> {
        let action = "noting the journal's export";
        let Exported { last, to } = exported;
        self.write(action, |transaction| {
            transaction
                .execute(PUT_MARK, params![EXPORTED, last.number, last.hash.0, None::<i64>, to])
                .map(drop)
                .map_err(self.failed(action))
        })
    }

    fn place(&self, number: Option<i64>) -> Result<Option<ChainPlace>, StoreError> {
        let sql = "SELECT number, hash FROM journal_chain WHERE ?1 IS NULL OR number = ?1
            ORDER BY number DESC LIMIT 1";
        self.look(|connection| connection.prepare_cached(sql)?.query_row([number], place).optional())
    }

    fn first_outside(
        &self,
        number: i64,
        from: Milliseconds,
        until: Milliseconds,
    ) -> Result<Option<i64>, StoreError> {
        self.look(|connection| {
            connection.prepare_cached(FIRST_OUTSIDE)?.query_row([number, from, until], |row| row.get(0))
        })
    }

    fn days(&self, from: Milliseconds, until: Milliseconds) -> Result<Vec<JournalDay>, StoreError> {
        self.look(|connection| {
            let mut statement = connection.prepare_cached(DAYS)?;
            let mut rows = statement.query([from, until])?;
            let mut days = BTreeMap::new();
            while let Some(row) = rows.next()? {
                gather(&mut days, (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            }
            Ok(days.into_values().collect())
        })
    }

    fn bars(&self, from: Milliseconds, until: Milliseconds) -> Result<Vec<Milliseconds>, StoreError> {
        self.look(|connection| {
            connection.prepare_cached(BARS)?.query_map([from, until], |row| row.get(0))?.collect()
        })
    }

    fn chained(&self, bar: Milliseconds) -> Result<Vec<ChainedRecord>, StoreError> {
        let rows = self.look(|connection| {
            let mut statement = connection.prepare_cached(CHAINED)?;
            statement.query_map([bar], chained_row)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter().map(|row| row.checked(bar)).collect()
    }

    fn drop_before(&self, before: Milliseconds, limit: u32) -> Result<usize, StoreError> {
        let action = "dropping the journal's first records";
        self.write(action, |transaction| drop_first(transaction, before, limit).map_err(self.failed(action)))
    }
}
