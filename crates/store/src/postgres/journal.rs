//! The journal in PostgreSQL: keys as columns, the record as JSON text whose floats keep their bits.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use forecast::score::Forecast;
use forecast::{JournalRecord, Prediction, Resolution, Task};
use kline::{BarTime, Interval};
use serde::de::DeserializeOwned;
use tokio_postgres::types::ToSql;

use super::chain::{self, Chain};
use super::fault::Fault;
use super::pool::Session;
use super::{PostgresStore, Repeat};
use crate::journal::{encode, unreadable};
use crate::{Journal, JournalQuery, RecordKey, StoreError, Verification};

/// Records of one statement: about 10 MB.
const RECORDS_AT_ONCE: usize = 1_000;

const INSERT_PREDICTIONS: &str = "
    INSERT INTO predictions
    SELECT bar_time, symbol, bundle, revision, record FROM
        unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::text[])
        AS given (bar_time, symbol, bundle, task, revision, record) WHERE task = '' AND bar_time >= $7
    ON CONFLICT DO NOTHING RETURNING bar_time, symbol, bundle, '', revision";

const INSERT_RESOLUTIONS: &str = "
    INSERT INTO resolutions
    SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::text[])
        AS given (bar_time, symbol, bundle, task, revision, record) WHERE task <> '' AND bar_time >= $7
    ON CONFLICT DO NOTHING RETURNING bar_time, symbol, bundle, task, revision";

/// Records as columns, and each one's key and text.
pub(super) struct Batch {
    bar_times: Vec<i64>,
    symbols: Vec<String>,
    bundles: Vec<String>,
    tasks: Vec<&'static str>,
    revisions: Vec<i64>,
    texts: Vec<String>,
    keys: Vec<RecordKey>,
}

/// A row's key as the database answers it.
type StoredKey = (i64, String, String, String, i64);

impl Batch {
    fn of(records: &[JournalRecord]) -> Result<Self, StoreError> {
        let keys: Vec<RecordKey> = records.iter().map(RecordKey::of).collect();
        Ok(Self {
            bar_times: keys.iter().map(|key| key.bar_time).collect(),
            symbols: keys.iter().map(|key| key.symbol.to_string()).collect(),
            bundles: keys.iter().map(|key| key.bundle.to_string()).collect(),
            tasks: keys.iter().map(|key| key.task.map_or("", Task::name)).collect(),
            revisions: keys.iter().map(|key| i64::from(key.revision)).collect(),
            texts: records.iter().map(encode).collect::<Result<_, _>>()?,
            keys,
        })
    }

    /// Writes the records whose keys are not there yet and their links of the chain; how many there were.
    async fn write(&self, session: &mut Session, chain: &mut Chain) -> Result<usize, Fault> {
        let mut new: BTreeSet<StoredKey> = BTreeSet::new();
        for sql in [INSERT_PREDICTIONS, INSERT_RESOLUTIONS] {
            let statement = session.statement(sql).await?;
            let parameters: [&(dyn ToSql + Sync); 7] = [
                &self.bar_times,
                &self.symbols,
                &self.bundles,
                &self.tasks,
                &self.revisions,
                &self.texts,
                &chain.before_ms,
            ];
            for row in session.client.query(&statement, &parameters).await? {
                let key =
                    (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
                new.insert(key);
            }
        }
        let count = new.len();
        for (index, (key, text)) in self.keys.iter().zip(&self.texts).enumerate() {
            let stored = (
                key.bar_time,
                key.symbol.to_string(),
                key.bundle.to_string(),
                self.tasks.get(index).copied().unwrap_or_default().to_owned(),
                i64::from(key.revision),
            );
            // Of two records of one key the first was written.
            if new.remove(&stored) {
                chain.append(key, text);
            }
        }
        chain.write(session).await?;
        Ok(count)
    }
}

impl PostgresStore {
    fn records<T: DeserializeOwned>(
        &self,
        what: &'static str,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<T>, StoreError> {
        self.read("reading the journal", async |session| {
            let statement = session.statement(sql).await?;
            let mut records = Vec::new();
            for row in session.client.query(&statement, parameters).await? {
                let text: &str = row.try_get(2)?;
                let place = (row.try_get(0)?, row.try_get(1)?);
                records.push(serde_json::from_str(text).map_err(|source| unreadable(what, place, source))?);
            }
            Ok(records)
        })
    }
}

/// A query as PostgreSQL takes it.
struct Parameters {
    symbol: Option<String>,
    bundle: Option<String>,
    from: i64,
    until: i64,
    limit: Option<i64>,
}

impl From<&JournalQuery> for Parameters {
    fn from(query: &JournalQuery) -> Self {
        Self {
            symbol: query.symbol.map(String::from),
            bundle: query.bundle.map(|bundle| bundle.to_string()),
            from: query.from.map_or(i64::MIN, BarTime::milliseconds),
            until: query.until.map_or(i64::MAX, BarTime::milliseconds),
            limit: query.limit.map(i64::from),
        }
    }
}

const PREDICTIONS: &str = "
    SELECT bar_time, symbol, record FROM predictions
    WHERE ($1::text IS NULL OR symbol = $1) AND ($2::text IS NULL OR bundle = $2) AND bar_time BETWEEN $3 AND $4
    ORDER BY bar_time, symbol, bundle, revision LIMIT $5";

impl Journal for PostgresStore {
    fn append(&self, records: &[JournalRecord]) -> Result<usize, StoreError> {
        let batches = records.chunks(RECORDS_AT_ONCE).map(Batch::of).collect::<Result<Vec<_>, _>>()?;
        self.write("writing the journal", Repeat::Harmless, async |session| {
            let mut chain = Chain::end(session).await?;
            let mut new = 0;
            for batch in &batches {
                new += batch.write(session, &mut chain).await?;
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
        chain::verify(self, progress)
    }

    fn last_predicted_bar(&self, interval: Interval) -> Result<Option<BarTime>, StoreError> {
        self.read("reading the journal", async |session| {
            let statement = session.statement("SELECT max(bar_time) FROM predictions").await?;
            let last: Option<i64> = session.client.query_one(&statement, &[]).await?.try_get(0)?;
            let Some(last) = last else { return Ok(None) };
            match BarTime::from_close(last, interval) {
                Some(bar) => Ok(Some(bar)),
                None => {
                    let text = format!("{last} closes no {interval} bar");
                    Err(StoreError::StoredText { what: "journal key", text }.into())
                }
            }
        })
    }

    fn resolutions(&self, query: &JournalQuery) -> Result<Vec<Resolution>, StoreError> {
        let sql = "SELECT bar_time, symbol, record FROM resolutions
            WHERE ($1::text IS NULL OR symbol = $1) AND ($2::text IS NULL OR bundle = $2)
                AND bar_time BETWEEN $3 AND $4 AND ($6::text IS NULL OR task = $6)
            ORDER BY bar_time, symbol, bundle, task, revision LIMIT $5";
        let p = Parameters::from(query);
        let task = query.task.map(Task::name);
        self.records("resolution", sql, &[&p.symbol, &p.bundle, &p.from, &p.until, &p.limit, &task])
    }
}
