//! The journal's retention in PostgreSQL.

use std::collections::BTreeMap;

use kline::Milliseconds;
use tokio_postgres::Row;

use super::chain::{dropped, hash, lock, place};
use super::fault::Fault;
use super::pool::Session;
use super::{PostgresStore, Repeat};
use crate::chain::ChainHash;
use crate::retention::{
    BARS, CHAINED, ChainedRow, DAYS, DROPPED, EXPORTED, FIRST_LINKS, FIRST_OUTSIDE, MARK, PUT_MARK, gather,
};
use crate::{ChainPlace, ChainedRecord, Dropped, Exported, JournalDay, JournalRetention, StoreError};

const READING: &str = "reading the journal";

const PLACE: &str = "
    SELECT number, hash FROM journal_chain WHERE $1::int8 IS NULL OR number = $1 ORDER BY number DESC LIMIT 1";

/// What goes with the links from one number to another, both included; the links last.
const DELETE: [&str; 3] = [
    "DELETE FROM predictions p USING journal_chain c WHERE c.number BETWEEN $1 AND $2 AND c.task = ''
        AND p.bar_time = c.bar_time AND p.symbol = c.symbol AND p.bundle = c.bundle AND p.revision = c.revision",
    "DELETE FROM resolutions r USING journal_chain c WHERE c.number BETWEEN $1 AND $2 AND r.task = c.task
        AND r.bar_time = c.bar_time AND r.symbol = c.symbol AND r.bundle = c.bundle AND r.revision = c.revision",
    "DELETE FROM journal_chain WHERE number BETWEEN $1 AND $2",
];

fn chained_row(row: &Row) -> Result<ChainedRow, tokio_postgres::Error> {
    let before: Option<&[u8]> = row.try_get(6)?;
    Ok(ChainedRow {
        // A hash of another length is none that we wrote.
        place: ChainPlace { number: row.try_get(0)?, hash: hash(row, 5)?.unwrap_or(ChainHash::BEGINNING) },
        names: [row.try_get(1)?, row.try_get(2)?, row.try_get(3)?],
        revision: row.try_get(4)?,
        before: before.and_then(|bytes| bytes.try_into().ok()).map(ChainHash),
        text: row.try_get(7)?,
    })
}

async fn drop_first(session: &mut Session, before: Milliseconds, limit: i64) -> Result<usize, Fault> {
    lock(session).await?;
    let anchor = dropped(session).await?.map_or(0, |dropped| dropped.last.number);
    let links = session.statement(FIRST_LINKS).await?;
    let rows = session.client.query(&links, &[&anchor, &limit]).await?;
    let (mut count, mut last) = (0, None);
    for row in &rows {
        let bar_time: i64 = row.try_get(1)?;
        if bar_time >= before {
            break;
        }
        count += 1;
        last = Some((row.try_get::<_, i64>(0)?, row.try_get::<_, &[u8]>(2)?));
    }
    if let Some((number, hash)) = last {
        for sql in DELETE {
            let statement = session.statement(sql).await?;
            session.client.execute(&statement, &[&(anchor + 1), &number]).await?;
        }
        let put = session.statement(PUT_MARK).await?;
        let place: Option<&str> = None;
        session.client.execute(&put, &[&DROPPED, &number, &hash, &Some(before), &place]).await?;
    }
    Ok(count)
}

impl JournalRetention for PostgresStore {
    fn dropped(&self) -> Result<Option<Dropped>, StoreError> {
        self.read(READING, async |session| dropped(session).await)
    }

    fn exported(&self) -> Result<Option<Exported>, StoreError> {
        self.read(READING, async |session| {
            let statement = session.statement(MARK).await?;
            let row = session.client.query_opt(&statement, &[&EXPORTED]).await?;
            let Some(row) = row else { return Ok(None) };
            let to: Option<String> = row.try_get(3)?;
            Ok(Some(Exported { last: place(&row)?, to: to.unwrap_or_default() }))
        })
    }

    fn note_exported(&self, exported: &Exported) -> Result<(), StoreError> {
        let Exported { last, to } = exported;
        let hash = last.hash.0.as_slice();
        self.write("noting the journal's export", Repeat::Harmless, async |session| {
            let put = session.statement(PUT_MARK).await?;
            let before: Option<i64> = None;
            session.client.execute(&put, &[&EXPORTED, &last.number, &hash, &before, &Some(to)]).await?;
            Ok(())
        })
    }

    fn place(&self, number: Option<i64>) -> Result<Option<ChainPlace>, StoreError> {
        self.read(READING, async |session| {
            let statement = session.statement(PLACE).await?;
            let row = session.client.query_opt(&statement, &[&number]).await?;
            row.as_ref().map(place).transpose()
        })
    }

    fn first_outside(
        &self,
        number: i64,
        from: Milliseconds,
        until: Milliseconds,
    ) -> Result<Option<i64>, StoreError> {
        self.read(READING, async |session| {
            let statement = session.statement(FIRST_OUTSIDE).await?;
            Ok(session.client.query_one(&statement, &[&number, &from, &until]).await?.try_get(0)?)
        })
    }

    fn days(&self, from: Milliseconds, until: Milliseconds) -> Result<Vec<JournalDay>, StoreError> {
        self.read(READING, async |session| {
            let statement = session.statement(DAYS).await?;
            let mut days = BTreeMap::new();
            for row in session.client.query(&statement, &[&from, &until]).await? {
                let is_prediction: i32 = row.try_get(1)?;
                gather(&mut days, (row.try_get(0)?, is_prediction == 1, row.try_get(2)?, row.try_get(3)?));
            }
            Ok(days.into_values().collect())
        })
    }

    fn bars(&self, from: Milliseconds, until: Milliseconds) -> Result<Vec<Milliseconds>, StoreError> {
        self.read(READING, async |session| {
            let statement = session.statement(BARS).await?;
            let rows = session.client.query(&statement, &[&from, &until]).await?;
            Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
        })
    }

    fn chained(&self, bar: Milliseconds) -> Result<Vec<ChainedRecord>, StoreError> {
        let rows = self.read(READING, async |session| {
            let statement = session.statement(CHAINED).await?;
            let rows = session.client.query(&statement, &[&bar]).await?;
            Ok(rows.iter().map(chained_row).collect::<Result<Vec<_>, _>>()?)
        })?;
        rows.into_iter().map(|row| row.checked(bar)).collect()
    }

    fn drop_before(&self, before: Milliseconds, limit: u32) -> Result<usize, StoreError> {
        self.write("dropping the journal's first records", Repeat::Harmless, async |session| {
            drop_first(session, before, i64::from(limit)).await
        })
    }
}
