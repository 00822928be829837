//! The journal in SQLite: keys as columns, the record as JSON whose floats keep their bits.

use std::ops::ControlFlow;
use std::sync::Arc;

use forecast::score::Forecast;
use forecast::{JournalRecord, Prediction, Resolution, Task};
use kline::{BarTime, Interval, Symbol};
use rusqlite::{ToSql, Transaction, params};
use serde::de::DeserializeOwned;

use super::SqliteStore;
use super::chain::{self, Chain};
use crate::journal::{encode, unreadable};
use crate::{
    ChainHash, ChainPlace, Journal, JournalQuery, Kept, PlacedPrediction, RecordKey, StoreError, Verification,
};

/// Writes a record and its link of the chain, unless its key is there.
fn insert(
    transaction: &Transaction<'_>,
    chain: &mut Chain<'_>,
    record: &JournalRecord,
    text: &str,
) -> rusqlite::Result<Kept> {
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
        return Ok(Kept { is_new: true, place: Some(chain.append(&key, text)?) });
    }
    let place = if key.task.is_none() { chain.find(&key)? } else { None };
    Ok(Kept { is_new: false, place })
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

    fn placed(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<Vec<PlacedPrediction>, StoreError> {
        let action = "reading the journal";
        let connection = self.lock()?;
        let mut statement = connection.prepare_cached(sql).map_err(self.failed(action))?;
        let mut rows = statement.query(parameters).map_err(self.failed(action))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(self.failed(action))? {
            let (place, key, text) = placed_row(row).map_err(self.failed(action))?;
            let prediction =
                serde_json::from_str(&text).map_err(|source| unreadable("prediction", key, source))?;
            found.push(PlacedPrediction { place, prediction: Arc::new(prediction) });
        }
        Ok(found)
    }
}

/// A place, the bar's close and symbol, the record.
type PlacedRow = (ChainPlace, (i64, String), String);

fn placed_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<PlacedRow> {
    let place = ChainPlace { number: row.get(0)?, hash: ChainHash(row.get(1)?) };
    Ok((place, (row.get(2)?, row.get(3)?), row.get(4)?))
}

/// The predictions that were written after a record.
const AFTER: &str = "
    SELECT c.number, c.hash, p.bar_time, p.symbol, p.record FROM journal_chain c
    JOIN predictions p ON p.bar_time = c.bar_time AND p.symbol = c.symbol AND p.bundle = c.bundle
        AND p.revision = c.revision
    WHERE c.task = '' AND c.number > ?1 ORDER BY c.number LIMIT ?2";

/// Where the predictions about a bar and later ones begin.
const FIRST_NUMBER: &str = "SELECT min(number) FROM journal_chain WHERE bar_time >= ?1 AND task = ''";

/// Those of a symbol's last bar up to a time.
const AS_OF: &str = "
    SELECT c.number, c.hash, p.bar_time, p.symbol, p.record FROM predictions p
    JOIN journal_chain c ON c.bar_time = p.bar_time AND c.symbol = p.symbol AND c.bundle = p.bundle
        AND c.task = '' AND c.revision = p.revision
    WHERE p.symbol = ?1 AND p.bar_time = (SELECT bar_time FROM predictions WHERE symbol = ?1 AND bar_time <= ?2
        ORDER BY bar_time DESC LIMIT 1)
    ORDER BY c.number";

/// The predictions that a query asks for.
const PREDICTIONS: &str = "
    SELECT bar_time, symbol, record FROM predictions
    WHERE (?1 IS NULL OR symbol = ?1) AND (?2 IS NULL OR bundle = ?2) AND bar_time BETWEEN ?3 AND ?4
    ORDER BY bar_time, symbol, bundle, revision LIMIT ?5";

/// The same, page by page.
const PAGE: &str = "
    SELECT bar_time, symbol, record FROM predictions p
    WHERE (?1 IS NULL OR symbol = ?1) AND (?2 IS NULL OR bundle = ?2) AND bar_time BETWEEN ?3 AND ?4
        AND (?6 IS NULL OR bar_time > ?6 OR (bar_time, symbol, bundle, revision) > (?6, ?7, ?8, ?9))
        AND (NOT ?10 OR NOT EXISTS (SELECT 1 FROM predictions q WHERE q.bar_time = p.bar_time
            AND q.symbol = p.symbol AND q.bundle = p.bundle AND q.revision > p.revision))
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
    fn keep(&self, records: &[JournalRecord]) -> Result<Vec<Kept>, StoreError> {
        let action = "writing the journal";
        self.write(action, |transaction| {
            let mut chain = Chain::end(transaction).map_err(self.failed(action))?;
            let mut kept = Vec::with_capacity(records.len());
            for record in records {
                if chain.has_dropped(RecordKey::of(record).bar_time) {
                    kept.push(Kept { is_new: false, place: None });
                    continue;
                }
                let text = encode(record)?;
                kept.push(insert(transaction, &mut chain, record, &text).map_err(self.failed(action))?);
            }
            Ok(kept)
        })
    }

    fn predictions_after(&self, number: i64, limit: u32) -> Result<Vec<PlacedPrediction>, StoreError> {
        self.placed(AFTER, &[&number, &limit])
    }

    fn first_number_from(&self, bar: BarTime) -> Result<Option<i64>, StoreError> {
        let connection = self.lock()?;
        let mut statement =
            connection.prepare_cached(FIRST_NUMBER).map_err(self.failed("reading the journal"))?;
        statement
            .query_row([bar.milliseconds()], |row| row.get(0))
            .map_err(self.failed("reading the journal"))
    }

    fn predictions_as_of(&self, symbol: Symbol, until: BarTime) -> Result<Vec<PlacedPrediction>, StoreError> {
        self.placed(AS_OF, &[&symbol.as_str(), &until.milliseconds()])
    }

    fn predictions(&self, query: &JournalQuery) -> Result<Vec<Arc<Prediction>>, StoreError> {
        let p = Parameters::from(query);
        let parameters: [&dyn ToSql; 5] = [&p.symbol, &p.bundle, &p.from, &p.until, &p.limit];
        let records: Vec<Prediction> = if query.after.is_none() && !query.last_revisions {
            self.records("prediction", PREDICTIONS, &parameters)?
        } else {
            let after = query.after.as_ref();
            let bar_time = after.map(|key| key.bar_time);
            let symbol = after.map(|key| key.symbol.as_str());
            let bundle = after.map(|key| key.bundle.to_string());
            let revision = after.map(|key| key.revision);
            let further: [&dyn ToSql; 5] = [&bar_time, &symbol, &bundle, &revision, &query.last_revisions];
            self.records("prediction", PAGE, &[parameters, further].concat())?
        };
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
