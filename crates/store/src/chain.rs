//! A chain of hashes over a journal: each record's hash covers the one before, so that no record can be changed, taken out
//! or put in between without the chain saying so. Pure.

use std::fmt;

use forecast::{BundleDigest, JournalRecord, Task};
use kline::{Milliseconds, Symbol};
use sha2::{Digest, Sha256};

use crate::Dropped;

/// What a hash begins with, so that it can't be taken for one of anything else.
const DOMAIN: &[u8] = b"klinecast journal 1\n";

/// SHA-256 over all records of a journal up to one of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// What the first record's hash covers.
    pub const BEGINNING: ChainHash = ChainHash([0; 32]);

    /// The hash of the record that follows, given by its key and the text that is stored.
    #[must_use]
    pub fn followed_by(self, key: &RecordKey, text: &str) -> ChainHash {
        let mut hasher = Sha256::new();
        hasher.update(DOMAIN);
        hasher.update(self.0);
        // A key has no line break, so that no two keys and texts run together to the same bytes.
        hasher.update(key.to_string());
        hasher.update(b"\n");
        hasher.update(text);
        ChainHash(hasher.finalize().into())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

/// A record as the chain names it, and its text if it is there.
pub(crate) struct Link {
    number: i64,
    key: Option<RecordKey>,
    named: String,
    hash: ChainHash,
    text: Option<String>,
}

impl Link {
    /// A stored row; `names` are its symbol, bundle and task.
    pub(crate) fn new(
        number: i64,
        bar_time: Milliseconds,
        [symbol, bundle, task]: [&str; 3],
        revision: i64,
        hash: ChainHash,
        text: Option<String>,
    ) -> Self {
        let key = RecordKey::parse(bar_time, [symbol, bundle, task], revision);
        let named = format!("{symbol} {bar_time} {bundle} {task} revision {revision}");
        Self { number, named: key.as_ref().map_or(named, RecordKey::to_string), key, hash, text }
    }
}

/// Every record of the chain with its text, for both databases. A resolution has a task, a prediction has none.
pub(crate) const LINKS: &str = "
    SELECT c.number, c.bar_time, c.symbol, c.bundle, c.task, c.revision, c.hash, COALESCE(p.record, r.record)
    FROM journal_chain c
    LEFT JOIN predictions p ON c.task = '' AND p.bar_time = c.bar_time AND p.symbol = c.symbol
        AND p.bundle = c.bundle AND p.revision = c.revision
    LEFT JOIN resolutions r ON c.task <> '' AND r.bar_time = c.bar_time AND r.symbol = c.symbol
        AND r.bundle = c.bundle AND r.task = c.task AND r.revision = c.revision
    ORDER BY c.number";

/// Records that the chain does not name.
pub(crate) const UNKNOWN: &str = "
    SELECT 'prediction ' || symbol || ' ' || bar_time || ' ' || bundle || ' revision ' || revision
    FROM predictions p WHERE NOT EXISTS (SELECT 1 FROM journal_chain c WHERE c.task = '' AND c.bar_time = p.bar_time
        AND c.symbol = p.symbol AND c.bundle = p.bundle AND c.revision = p.revision)
    UNION ALL
    SELECT 'outcome ' || symbol || ' ' || bar_time || ' ' || bundle || ' ' || task || ' revision ' || revision
    FROM resolutions r WHERE NOT EXISTS (SELECT 1 FROM journal_chain c WHERE c.task = r.task AND c.bar_time = r.bar_time
        AND c.symbol = r.symbol AND c.bundle = r.bundle AND c.revision = r.revision)";

/// What names a record of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordKey {
    /// The close of the bar, in Unix milliseconds.
    pub bar_time: Milliseconds,
    /// The market.
    pub symbol: Symbol,
    /// The bundle that answered.
    pub bundle: BundleDigest,
    /// Of a resolution: its task.
    pub task: Option<Task>,
    /// The record's revision.
    pub revision: u32,
}

impl RecordKey {
    /// A stored key; the names are its symbol, bundle and task. `None` if it is none that we wrote.
    pub(crate) fn parse(bar_time: Milliseconds, names: [&str; 3], revision: i64) -> Option<RecordKey> {
        let [symbol, bundle, task] = names;
        let task = match task {
            "" => None,
            name => Some(Task::ALL.into_iter().find(|task| task.name() == name)?),
        };
        let (symbol, bundle) = (symbol.parse().ok()?, bundle.parse().ok()?);
        Some(RecordKey { bar_time, symbol, bundle, task, revision: u32::try_from(revision).ok()? })
    }

    /// A record's key.
    #[must_use]
    pub fn of(record: &JournalRecord) -> RecordKey {
        match record {
            JournalRecord::Prediction(prediction) => RecordKey {
                bar_time: prediction.bar_time.milliseconds(),
                symbol: prediction.symbol,
                bundle: prediction.bundle,
                task: None,
                revision: prediction.revision,
            },
            JournalRecord::Resolution(resolution) => RecordKey {
                bar_time: resolution.bar_time.milliseconds(),
                symbol: resolution.symbol,
                bundle: resolution.bundle,
                task: Some(resolution.task),
                revision: resolution.revision,
            },
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecordKey { bar_time, symbol, bundle, task, revision } = self;
        match task {
            None => write!(f, "prediction {symbol} {bar_time} {bundle} revision {revision}"),
            Some(task) => {
                write!(f, "outcome {symbol} {bar_time} {bundle} {} revision {revision}", task.name())
            }
        }
    }
}

/// What is wrong with one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFault {
    /// The record's number in the chain, from 1 on; 0 if the chain doesn't know it.
    pub number: i64,
    /// The record's key as it is stored.
    pub key: String,
    /// What is wrong.
    pub kind: ChainFaultKind,
}

/// The ways in which a record can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainFaultKind {
    /// The record has other content than when it was written, or one before it was taken out of the chain.
    #[error("was changed after it was written")]
    Changed,
    /// The chain has the record, the journal has not.
    #[error("was taken out")]
    Missing,
    /// The journal has the record, the chain has not.
    #[error("was put in from outside")]
    Unknown,
    /// Numbers before this record are missing from the chain.
    #[error("stands after a hole in the chain")]
    Hole,
}

/// What a check of the whole journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// What was dropped from the chain's start by retention: the check begins after it.
    pub dropped: Option<Dropped>,
    /// How many records the chain has.
    pub records: u64,
    /// The hash of the last one. Who keeps it can tell later that nothing was cut off the end.
    pub head: ChainHash,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first of them, at most [`Verification::FAULTS_MAX`].
    pub faults: Vec<ChainFault>,
    /// The number of the last record that was looked at.
    last: i64,
}

impl Verification {
    /// Faults that are named; more are only counted.
    pub const FAULTS_MAX: usize = 100;

    /// Nothing looked at yet of what is left.
    pub(crate) fn begin(dropped: Option<Dropped>) -> Verification {
        let (last, head) = match dropped {
            None => (0, ChainHash::BEGINNING),
            Some(dropped) => (dropped.last.number, dropped.last.hash),
        };
        Verification { dropped, records: 0, head, fault_count: 0, faults: Vec::new(), last }
    }

    /// Looks at the next record of the chain.
    pub(crate) fn follow(&mut self, link: Link) {
        self.records += 1;
        if link.number != self.last + 1 {
            self.fault(link.number, link.named.clone(), ChainFaultKind::Hole);
        }
        self.last = link.number;
        match (&link.text, &link.key) {
            (None, _) => self.fault(link.number, link.named, ChainFaultKind::Missing),
            (Some(text), Some(key)) if self.head.followed_by(key, text) == link.hash => {}
            (Some(_), _) => self.fault(link.number, link.named, ChainFaultKind::Changed),
        }
        // What follows is held against what was written, so that each fault is told once.
        self.head = link.hash;
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, number: i64, key: String, kind: ChainFaultKind) {
        self.fault_count += 1;
        if self.faults.len() < Self::FAULTS_MAX {
            self.faults.push(ChainFault { number, key, kind });
        }
    }
}
