//! The journal in SQLite: keys as columns, the record as JSON whose floats keep their bits.

use std::ops::ControlFlow;
use std::sync::Arc;

use forecast::score::Forecast;
use forecast::{JournalRecord, Prediction, Resolution, Task};
use kline::{BarTime, Interval};
use rusqlite::{ToSql, Transaction, params};
use serde::de::DeserializeOwned;

use super::SqliteStore;
use super::chain::{self, Chain};
use crate::journal::{encode, unreadable};
use crate::{Journal, JournalQuery, RecordKey, StoreError, Verification};

/// Writes a record and its link of the chain, unless its key is there; how many were written.
fn insert(
    transaction: &Transaction<'_>,
    chain: &mut Chain<'_>,
    record: &JournalRecord,
    text: &str,
) -> rusqlite::Result<usize> {
    let key = RecordKey::of(record);
    let (symbol, bundle) = (key.symbol.as_str(), key.bundle.to_string());
    let new = match record {
        JournalRecord::Prediction(_) => {
            let mut statement = transaction
                .prepare_cached("INSERT OR IGNORE INTO predictions VALUES (?1, ?2, ?3, ?4, ?5)")?;
            statement.execute(params![key.bar_time, symbol, bundle, key.revision, text])?
        }
        JournalRecord::Resolution(resolution) => {
            let task = resolution.task.name();
            let mut statement = transaction
                .prepare_cached("INSERT OR IGNORE INTO resolutions VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            statement.execute(params![key.bar_time, symbol, bundle, task, key.revision, text])?
        }
    };
    if new > 0 {
        chain.append(&key, text)?;
    }
    Ok(new)
}

impl SqliteStore {
    fn records<T: DeserializeOwned>(
        &self,
        what: &'static str,
        sql: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Vec<T>, StoreError> {
        let action = "reading the journal";
        let connection = self.lock()?;
        let mut statement = connection.prepare_cached(sql).map_err(self.failed(action))?;
        let mut rows = statement.query(parameters).map_err(self.failed(action))?;
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(self.failed(action))? {
            let text: String = row.get(2).map_err(self.failed(action))?;
            let place: (i64, String) =
                (row.get(0).map_err(self.failed(action))?, row.get(1).map_err(self.failed(action))?);
            records.push(serde_json::from_str(&text).map_err(|source| unreadable(what, place, source))?);
        }
        Ok(records)
    }
}

/// The predictions that a query asks for.
const PREDICTIONS: &str = "
    SELECT bar_time, symbol, record FROM predictions
    WHERE (?1 IS NULL OR symbol = ?1) AND (?2 IS NULL OR bundle = ?2) AND bar_time BETWEEN ?3 AND ?4
    ORDER BY bar_time, symbol, bundle, revision LIMIT ?5";

/// A query as SQLite takes it.
struct Parameters {
    symbol: Option<String>,
    bundle: Option<String>,
    from: i64,
    until: i64,
    limit: i64,
}

impl From<&JournalQuery> for Parameters {
    fn from(query: &JournalQuery) -> Self {
        Self {
            symbol: query.symbol.map(String::from),
            bundle: query.bundle.map(|bundle| bundle.to_string()),
            from: query.from.map_or(i64::MIN, BarTime::milliseconds),
            until: query.until.map_or(i64::MAX, BarTime::milliseconds),
            limit: query.limit.map_or(-1, i64::from),
        }
    }
}

impl Journal for SqliteStore {
    fn append(&self, records: &[JournalRecord]) -> Result<usize, StoreError> {
        let action = "writing the journal";
        self.write(action, |transaction| {
            let mut chain = Chain::end(transaction).map_err(self.failed(action))?;
            let mut new = 0;
            for record in records {
                if chain.has_dropped(RecordKey::of(record).bar_time) {
                    continue;
                }
                let text = encode(record)?;
                new += insert(transaction, &mut chain, record, &text).map_err(self.failed(action))?;
            }
            Ok(new)
        })
    }

    fn predictions(&self, query: &JournalQuery) -> Result<Vec<Arc<Prediction>>, StoreError> {
        let p = Parameters::from(query);
        let records: Vec<Prediction> =
            self.records("prediction", PREDICTIONS, &[&p.symbol, &p.bundle, &p.from, &p.until, &p.limit])?;
        Ok(records.into_iter().map(Arc::new).collect())
    }

    fn forecasts(&self, query: &JournalQuery) -> Result<Vec<Forecast>, StoreError> {
        let p = Parameters::from(query);
        self.records("prediction", PREDICTIONS, &[&p.symbol, &p.bundle, &p.from, &p.until, &p.limit])
    }

    fn verify_while(
        &self,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Verification>, StoreError> {
        chain::verify(&self.path, progress)
    }

    fn last_predicted_bar(&self, interval: Interval) -> Result<Option<BarTime>, StoreError> {
        let action = "reading the journal";
        let last: Option<i64> = self
            .lock()?
            .query_row("SELECT max(bar_time) FROM predictions", [], |row| row.get(0))
            .map_err(self.failed(action))?;
        let Some(last) = last else { return Ok(None) };
        let what = "journal key";
        let bar = BarTime::from_close(last, interval);
        bar.map(Some)
            .ok_or_else(|| StoreError::StoredText { what, text: format!("{last} closes no {interval} bar") })
    }

    fn resolutions(&self, query: &JournalQuery) -> Result<Vec<Resolution>, StoreError> {
        let sql = "SELECT bar_time, symbol, record FROM resolutions
            WHERE (?1 IS NULL OR symbol = ?1) AND (?2 IS NULL OR bundle = ?2) AND bar_time BETWEEN ?3 AND ?4
                AND (?6 IS NULL OR task = ?6)
            ORDER BY bar_time, symbol, bundle, task, revision LIMIT ?5";
        let p = Parameters::from(query);
        let task = query.task.map(Task::name);
        self.records("resolution", sql, &[&p.symbol, &p.bundle, &p.from, &p.until, &p.limit, &task])
    }
}
