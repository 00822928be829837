//! What leaves the journal: what was exported, what was dropped from its start, and the reading of whole days for an export.

use std::collections::BTreeMap;

use forecast::{JournalRecord, Prediction, Resolution};
use kline::Milliseconds;

use crate::chain::{ChainHash, RecordKey};
use crate::{Journal, StoreError};

/// One record's place in the chain: its number, from 1 on, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPlace {
    /// The number.
    pub number: i64,
    /// The hash, which covers all before.
    pub hash: ChainHash,
}

/// What was dropped from the journal's start. The chain that is left is proved from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// The last record that was dropped.
    pub last: ChainPlace,
    /// No prediction of a bar that closes before this time is left, and none is written again: the first millisecond of a UTC
    /// day. A few outcomes of the last bars before it, which were written later, go with the next day.
    pub before_ms: Milliseconds,
}

/// How far the journal was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The last record of the chain up to which all are exported.
    pub last: ChainPlace,
    /// The folder, as the exporter named it.
    pub to: String,
}

/// How much the journal has of one UTC day of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalDay {
    /// Days since 1970-01-01.
    pub day: i64,
    /// How many predictions.
    pub predictions: u64,
    /// The highest number in the chain among them; 0 without any.
    pub last_prediction: i64,
    /// How many outcomes.
    pub outcomes: u64,
    /// The highest number in the chain among them; 0 without any.
    pub last_outcome: i64,
}

/// A record and its place, which was checked against the record before.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainedRecord {
    /// The place.
    pub place: ChainPlace,
    /// The record.
    pub record: JournalRecord,
}

/// The journal's retention, and what an export reads.
pub trait JournalRetention: Journal {
    /// What was dropped; `None` if nothing was.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn dropped(&self) -> Result<Option<Dropped>, StoreError>;

    /// How far the journal was exported; `None` if it never was.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn exported(&self) -> Result<Option<Exported>, StoreError>;

    /// Remembers how far the journal was exported; less far than is remembered already changes nothing.
    ///
    /// # Errors
    /// When the journal can't be written.
    fn note_exported(&self, exported: &Exported) -> Result<(), StoreError>;

    /// The place of a record by its number; of the last one if none is given. `None` if there is none.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn place(&self, number: Option<i64>) -> Result<Option<ChainPlace>, StoreError>;

    /// The number of the first record after `number` that is not of a bar from `from` to before `until` (closes in Unix
    /// milliseconds).
    ///
    /// # Errors
    /// When the journal can't be read.
    fn first_outside(
        &self,
        number: i64,
        from: Milliseconds,
        until: Milliseconds,
    ) -> Result<Option<i64>, StoreError>;

    /// The days with records of bars from `from` to before `until`, in their order.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn days(&self, from: Milliseconds, until: Milliseconds) -> Result<Vec<JournalDay>, StoreError>;

    /// The closes of the bars from `from` to before `until` that have records, in their order.
    ///
    /// # Errors
    /// When the journal can't be read.
    fn bars(&self, from: Milliseconds, until: Milliseconds) -> Result<Vec<Milliseconds>, StoreError>;

    /// All records of one bar, predictions first, in the order of symbol, bundle, task, revision; each checked against the chain.
    ///
    /// # Errors
    /// When the journal can't be read, or a record is not as it was written: [`StoreError::BrokenChain`].
    fn chained(&self, bar: Milliseconds) -> Result<Vec<ChainedRecord>, StoreError>;

    /// Drops the first records of the chain, at most `limit` and only while their bars close before `before`, in one
    /// transaction; how many were dropped. Less than `limit` says that there are no more.
    ///
    /// # Errors
    /// When the journal can't be written.
    fn drop_before(&self, before: Milliseconds, limit: u32) -> Result<usize, StoreError>;
}

/// The records of one bar with what the chain says of them, for both databases: number, symbol, bundle, task, revision, hash,
/// the hash before, text. The bar is the first parameter.
pub(crate) const CHAINED: &str = "
    SELECT c.number, c.symbol, c.bundle, c.task, c.revision, c.hash,
        COALESCE(b.hash, (SELECT m.hash FROM journal_marks m WHERE m.mark = 'dropped' AND m.number = c.number - 1)),
        COALESCE(p.record, r.record)
    FROM journal_chain c
    LEFT JOIN journal_chain b ON b.number = c.number - 1
    LEFT JOIN predictions p ON c.task = '' AND p.bar_time = c.bar_time AND p.symbol = c.symbol
        AND p.bundle = c.bundle AND p.revision = c.revision
    LEFT JOIN resolutions r ON c.task <> '' AND r.bar_time = c.bar_time AND r.symbol = c.symbol
        AND r.bundle = c.bundle AND r.task = c.task AND r.revision = c.revision
    WHERE c.bar_time = $1
    ORDER BY CASE WHEN c.task = '' THEN 0 ELSE 1 END, c.symbol, c.bundle, c.task, c.revision";

/// Days, whether of predictions, how many, and the highest number; from and until are the parameters.
pub(crate) const DAYS: &str = "
    SELECT bar_time / 86400000, CASE WHEN task = '' THEN 1 ELSE 0 END, count(*), max(number)
    FROM journal_chain WHERE bar_time >= $1 AND bar_time < $2 GROUP BY 1, 2 ORDER BY 1, 2";

/// The closes of the bars with records; from and until are the parameters.
pub(crate) const BARS: &str =
    "SELECT DISTINCT bar_time FROM journal_chain WHERE bar_time >= $1 AND bar_time < $2 ORDER BY bar_time";

/// The first number after another that is not of a range of bars.
pub(crate) const FIRST_OUTSIDE: &str =
    "SELECT min(number) FROM journal_chain WHERE number > $1 AND (bar_time < $2 OR bar_time >= $3)";

/// The first links after a number, in their order; number and limit are the parameters.
pub(crate) const FIRST_LINKS: &str =
    "SELECT number, bar_time, hash FROM journal_chain WHERE number > $1 ORDER BY number LIMIT $2";

/// A mark by its name.
pub(crate) const MARK: &str = "SELECT number, hash, before_ms, place FROM journal_marks WHERE mark = $1";

/// Puts a mark where none is, or one of a lower number.
pub(crate) const PUT_MARK: &str = "
    INSERT INTO journal_marks (mark, number, hash, before_ms, place) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (mark) DO UPDATE SET number = excluded.number, hash = excluded.hash,
        before_ms = excluded.before_ms, place = excluded.place
    WHERE journal_marks.number < excluded.number";

/// The names of the marks.
pub(crate) const DROPPED: &str = "dropped";
pub(crate) const EXPORTED: &str = "exported";

/// A row of [`DAYS`] put to the others.
pub(crate) fn gather(
    days: &mut BTreeMap<i64, JournalDay>,
    (day, is_prediction, count, last): (i64, bool, i64, i64),
) {
    let count = u64::try_from(count).unwrap_or_default();
    let entry = days.entry(day).or_insert(JournalDay {
        day,
        predictions: 0,
        last_prediction: 0,
        outcomes: 0,
        last_outcome: 0,
    });
    if is_prediction {
        (entry.predictions, entry.last_prediction) = (count, last);
    } else {
        (entry.outcomes, entry.last_outcome) = (count, last);
    }
}

/// A row of [`CHAINED`].
pub(crate) struct ChainedRow {
    pub(crate) place: ChainPlace,
    pub(crate) names: [String; 3],
    pub(crate) revision: i64,
    pub(crate) before: Option<ChainHash>,
    pub(crate) text: Option<String>,
}

impl ChainedRow {
    /// The record, if it is as it was written.
    pub(crate) fn checked(self, bar_time: Milliseconds) -> Result<ChainedRecord, StoreError> {
        let Self { place, names: [symbol, bundle, task], revision, before, text } = self;
        let before = before.or((place.number == 1).then_some(ChainHash::BEGINNING));
        let key = RecordKey::parse(bar_time, [&symbol, &bundle, &task], revision);
        let record = before.zip(key).zip(text).and_then(|((before, key), text)| {
            let holds = before.followed_by(&key, &text) == place.hash;
            holds.then(|| decode(key.task.is_some(), &text)).and_then(Result::ok)
        });
        let broken = || StoreError::BrokenChain {
            number: place.number,
            record: format!("{symbol} {bar_time} {bundle} {task} revision {revision}"),
        };
        record.map(|record| ChainedRecord { place, record }).ok_or_else(broken)
    }
}

fn decode(is_outcome: bool, text: &str) -> serde_json::Result<JournalRecord> {
    if is_outcome {
        serde_json::from_str::<Resolution>(text).map(JournalRecord::Resolution)
    } else {
        serde_json::from_str::<Prediction>(text).map(|made| JournalRecord::Prediction(made.into()))
    }
}
