//! The journal in PostgreSQL: keys as columns, the record as JSON text whose floats keep their bits.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use forecast::score::Forecast;
use forecast::{JournalRecord, Prediction, Resolution, Task};
use kline::{BarTime, Interval, Symbol};
use serde::de::DeserializeOwned;
use tokio_postgres::types::ToSql;

use super::chain::{self, Chain, place};
use super::fault::Fault;
use super::pool::Session;
use super::{PostgresStore, Repeat};
use crate::journal::{encode, unreadable};
use crate::{Journal, JournalQuery, Kept, PlacedPrediction, RecordKey, StoreError, Verification};

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

    /// Writes the records whose keys are not there yet and their links of the chain; what became of each.
    async fn write(&self, session: &mut Session, chain: &mut Chain) -> Result<Vec<Kept>, Fault> {
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
        let mut kept = Vec::with_capacity(self.keys.len());
        for (index, (key, text)) in self.keys.iter().zip(&self.texts).enumerate() {
            let stored = (
                key.bar_time,
                key.symbol.to_string(),
                key.bundle.to_string(),
                self.tasks.get(index).copied().unwrap_or_default().to_owned(),
                i64::from(key.revision),
            );
            // Of two records of one key the first was written.
            let is_new = new.remove(&stored);
            kept.push(Kept { is_new, place: is_new.then(|| chain.append(key, text)) });
        }
        chain.write(session).await?;
        let unplaced = |(kept, key): &(&mut Kept, &RecordKey)| kept.place.is_none() && key.task.is_none();
        for (kept, key) in kept.iter_mut().zip(&self.keys).filter(unplaced) {
            let statement = session.statement(FIND).await?;
            let (symbol, bundle) = (key.symbol.as_str(), key.bundle.to_string());
            let parameters: [&(dyn ToSql + Sync); 4] =
                [&key.bar_time, &symbol, &bundle, &i64::from(key.revision)];
            let row = session.client.query_opt(&statement, &parameters).await?;
            kept.place = row.as_ref().map(place).transpose()?;
        }
        Ok(kept)
    }
}

const FIND: &str = "
    SELECT number, hash FROM journal_chain
    WHERE bar_time = $1 AND symbol = $2 AND bundle = $3 AND task = '' AND revision = $4";

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

    fn placed(
        &self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<PlacedPrediction>, StoreError> {
        self.read("reading the journal", async |session| {
            let statement = session.statement(sql).await?;
            let mut found = Vec::new();
            for row in session.client.query(&statement, parameters).await? {
                let key = (row.try_get(2)?, row.try_get(3)?);
                let text: &str = row.try_get(4)?;
                let prediction =
                    serde_json::from_str(text).map_err(|source| unreadable("prediction", key, source))?;
                found.push(PlacedPrediction { place: place(&row)?, prediction: Arc::new(prediction) });
            }
            Ok(found)
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

/// The same, page by page.
const PAGE: &str = "
    SELECT bar_time, symbol, record FROM predictions p
    WHERE ($1::text IS NULL OR symbol = $1) AND ($2::text IS NULL OR bundle = $2) AND bar_time BETWEEN $3 AND $4
        AND ($6::int8 IS NULL OR bar_time > $6
            OR (bar_time, symbol, bundle, revision) > ($6, $7::text, $8::text, $9::int8))
        AND (NOT $10::bool OR NOT EXISTS (SELECT 1 FROM predictions q WHERE q.bar_time = p.bar_time
            AND q.symbol = p.symbol AND q.bundle = p.bundle AND q.revision > p.revision))
    ORDER BY bar_time, symbol, bundle, revision LIMIT $5";

/// The predictions that were written after a record.
const AFTER: &str = "
    SELECT c.number, c.hash, p.bar_time, p.symbol, p.record FROM journal_chain c
    JOIN predictions p ON p.bar_time = c.bar_time AND p.symbol = c.symbol AND p.bundle = c.bundle
        AND p.revision = c.revision
    WHERE c.task = '' AND c.number > $1 ORDER BY c.number LIMIT $2";

/// Where the predictions about a bar and later ones begin.
const FIRST_NUMBER: &str = "SELECT min(number) FROM journal_chain WHERE bar_time >= $1 AND task = ''";

/// Those of a symbol's last bar up to a time.
const AS_OF: &str = "
    SELECT c.number, c.hash, p.bar_time, p.symbol, p.record FROM predictions p
    JOIN journal_chain c ON c.bar_time = p.bar_time AND c.symbol = p.symbol AND c.bundle = p.bundle
        AND c.task = '' AND c.revision = p.revision
    WHERE p.symbol = $1 AND p.bar_time = (SELECT bar_time FROM predictions WHERE symbol = $1 AND bar_time <= $2
        ORDER BY bar_time DESC LIMIT 1)
    ORDER BY c.number";

impl Journal for PostgresStore {
    fn keep(&self, records: &[JournalRecord]) -> Result<Vec<Kept>, StoreError> {
        let batches = records.chunks(RECORDS_AT_ONCE).map(Batch::of).collect::<Result<Vec<_>, _>>()?;
        self.write("writing the journal", Repeat::Harmless, async |session| {
            let mut chain = Chain::end(session).await?;
            let mut kept = Vec::with_capacity(records.len());
            for batch in &batches {
                kept.extend(batch.write(session, &mut chain).await?);
            }
            Ok(kept)
        })
    }

    fn predictions_after(&self, number: i64, limit: u32) -> Result<Vec<PlacedPrediction>, StoreError> {
        self.placed(AFTER, &[&number, &i64::from(limit)])
    }

    fn first_number_from(&self, bar: BarTime) -> Result<Option<i64>, StoreError> {
        self.read("reading the journal", async |session| {
            let statement = session.statement(FIRST_NUMBER).await?;
            Ok(session.client.query_one(&statement, &[&bar.milliseconds()]).await?.try_get(0)?)
        })
    }

    fn predictions_as_of(&self, symbol: Symbol, until: BarTime) -> Result<Vec<PlacedPrediction>, StoreError> {
        self.placed(AS_OF, &[&symbol.as_str(), &until.milliseconds()])
    }

    fn predictions(&self, query: &JournalQuery) -> Result<Vec<Arc<Prediction>>, StoreError> {
        let p = Parameters::from(query);
        let parameters: [&(dyn ToSql + Sync); 5] = [&p.symbol, &p.bundle, &p.from, &p.until, &p.limit];
        let records: Vec<Prediction> = if query.after.is_none() && !query.last_revisions {
            self.records("prediction", PREDICTIONS, &parameters)?
        } else {
            let after = query.after.as_ref();
            let bar_time = after.map(|key| key.bar_time);
            let symbol = after.map(|key| key.symbol.as_str());
            let bundle = after.map(|key| key.bundle.to_string());
            let revision = after.map(|key| i64::from(key.revision));
            let further: [&(dyn ToSql + Sync); 5] =
                [&bar_time, &symbol, &bundle, &revision, &query.last_revisions];
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
