//! The thread that writes klines, journal records, the gap ledger and snapshots to the store, in batches, and tells subscribers
//! of the predictions whose records are durable.

mod telling;

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use forecast::JournalRecord;
use kline::{Interval, Kline, Symbol};
use store::{ChainPlace, Home, Kept, PlacedPrediction, RecordKey, StoreError};
use tokio::sync::{mpsc, oneshot};

use self::telling::Teller;
use crate::encoded::Encoded;
use crate::gaps::GapChanges;
use crate::state::Shared;
use crate::telemetry::metrics as names;

/// How many items may wait. At the bound the engine's thread waits: nothing is dropped for want of room.
const QUEUE_ITEMS: usize = 65_536;

/// How many items are written at once.
const BATCH_ITEMS: usize = 2_048;

/// How many holes of the gap ledger are written at once.
const GAPS_AT_ONCE: usize = 2_048;

/// Records that are held back while the store takes none, a full disk for example; beyond, the earliest are lost, counted and logged.
const HELD_MAX: usize = 65_536;

/// How often held records are tried again while nothing new comes.
const HELD_WAIT: Duration = Duration::from_secs(1);

/// The waits after a failed write; when the last has failed too, klines are lost (a start fetches them again) and records held.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1)];

/// The parts of the store that the thread writes to.
pub trait Sink: Send + 'static {
    /// Writes klines of one symbol.
    ///
    /// # Errors
    /// What the store says.
    fn write_klines(&mut self, symbol: Symbol, interval: Interval, klines: &[Kline]) -> Result<(), String>;

    /// Writes journal records and answers what became of each.
    ///
    /// # Errors
    /// What the store says.
    fn write_records(&mut self, records: &[JournalRecord]) -> Result<Vec<Kept>, String>;

    /// The place of the journal's last record; `None` if it has none yet.
    ///
    /// # Errors
    /// What the store says.
    fn last_place(&mut self) -> Result<Option<ChainPlace>, String>;

    /// The journal's predictions after a number, in the order of writing.
    ///
    /// # Errors
    /// What the store says.
    fn predictions_after(&mut self, number: i64, limit: u32) -> Result<Vec<PlacedPrediction>, String>;

    /// Writes what has changed in the gap ledger.
    ///
    /// # Errors
    /// What the store says.
    fn write_gaps(&mut self, interval: Interval, changes: &GapChanges) -> Result<(), String>;

    /// Replaces the saved state.
    ///
    /// # Errors
    /// What the store says.
    fn write_snapshot(&mut self, snapshot: &[u8]) -> Result<(), String>;
}

impl Sink for Home {
    fn write_klines(&mut self, symbol: Symbol, interval: Interval, klines: &[Kline]) -> Result<(), String> {
        self.klines().append(symbol, interval, klines).map(drop).map_err(|error| causes(&error))
    }

    fn write_records(&mut self, records: &[JournalRecord]) -> Result<Vec<Kept>, String> {
        self.journal().keep(records).map_err(|error| causes(&error))
    }

    fn last_place(&mut self) -> Result<Option<ChainPlace>, String> {
        let dropped = || Ok(self.retention().dropped()?.map(|dropped| dropped.last));
        let last =
            self.retention().place(None).and_then(|last| last.map_or_else(dropped, |last| Ok(Some(last))));
        last.map_err(|error| causes(&error))
    }

    fn predictions_after(&mut self, number: i64, limit: u32) -> Result<Vec<PlacedPrediction>, String> {
        self.journal().predictions_after(number, limit).map_err(|error| causes(&error))
    }

    fn write_gaps(&mut self, interval: Interval, changes: &GapChanges) -> Result<(), String> {
        self.gaps().write(interval, &changes.kept, &changes.forgotten).map_err(|error| causes(&error))
    }

    fn write_snapshot(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.snapshot().replace(snapshot).map_err(|error| causes(&error))
    }
}

/// An error with its cause.
fn causes(error: &StoreError) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

enum Item {
    Record(JournalRecord),
    Kline(Symbol, Kline),
    Snapshot(Vec<u8>),
    Publish(Arc<Encoded>),
    /// The gap ledger has changed: what has is in the ledger.
    Gaps,
    Flush(oneshot::Sender<()>),
    Stop,
}

/// The way into the thread's queue.
#[derive(Debug, Clone)]
pub struct Journaling {
    items: mpsc::Sender<Item>,
}

/// The running thread.
#[derive(Debug)]
pub struct JournalingThread {
    handle: JoinHandle<()>,
}

impl Journaling {
    /// Starts the thread. It ends after [`Journaling::stop`], or when every [`Journaling`] is gone, and all is written.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(
        sink: impl Sink,
        interval: Interval,
        shared: Arc<Shared>,
    ) -> std::io::Result<(Self, JournalingThread)> {
        let (items, queue) = mpsc::channel(QUEUE_ITEMS);
        let teller = Teller::new(interval, shared.clone());
        let writer = Writer { sink, interval, shared, held: Held::default(), failing: false, teller };
        let handle =
            std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(queue))?;
        Ok((Self { items }, JournalingThread { handle }))
    }

    /// Journals a record. Blocks at the bound; not for async code.
    pub fn record(&self, record: JournalRecord) {
        // An error says that the thread was stopped: the server ends.
        let _ = self.items.blocking_send(Item::Record(record));
    }

    /// Tells subscribers of a prediction after all records that were sent before are durable; not at all if its own is lost.
    /// Blocks at the bound; not for async code.
    pub fn publish(&self, encoded: Arc<Encoded>) {
        let _ = self.items.blocking_send(Item::Publish(encoded));
    }

    /// Stores a kline. Blocks at the bound; not for async code.
    pub fn kline(&self, symbol: Symbol, kline: Kline) {
        let _ = self.items.blocking_send(Item::Kline(symbol, kline));
    }

    /// Replaces the saved state. Blocks at the bound; not for async code.
    pub fn snapshot(&self, snapshot: Vec<u8>) {
        let _ = self.items.blocking_send(Item::Snapshot(snapshot));
    }

    /// Lets the thread keep what has changed in the gap ledger. Waits for nothing: at the bound the thread is busy, and looks into
    /// the ledger with each batch.
    pub fn note_gaps(&self) {
        // An error says that, or that the server ends.
        let _ = self.items.try_send(Item::Gaps);
    }

    /// Ends the thread once all that was sent before is written. Blocks at the bound; not for async code.
    pub fn stop(&self) {
        // An error says that it has ended.
        let _ = self.items.blocking_send(Item::Stop);
    }

    /// Waits until all that was sent before is written or lost.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.items.send(Item::Flush(done)).await.is_ok() {
            // An error says that the thread has ended, so all is written.
            let _ = written.await;
        }
    }
}

impl JournalingThread {
    /// Waits for the thread's end. Blocks.
    pub fn join(self) {
        if self.handle.join().is_err() {
            tracing::error!("the journal's thread ended by a panic");
        }
    }
}

/// What came out of the queue at once, by what is to be done with it.
#[derive(Default)]
struct Batch {
    records: Vec<JournalRecord>,
    klines: BTreeMap<Symbol, Vec<Kline>>,
    snapshot: Option<Vec<u8>>,
    published: Vec<Arc<Encoded>>,
    waiting: Vec<oneshot::Sender<()>>,
    stop: bool,
}

impl Batch {
    fn of(items: impl Iterator<Item = Item>) -> Self {
        let mut batch = Self::default();
        for item in items {
            match item {
                Item::Record(record) => batch.records.push(record),
                Item::Kline(symbol, kline) => batch.klines.entry(symbol).or_default().push(kline),
                Item::Snapshot(bytes) => batch.snapshot = Some(bytes),
                Item::Publish(encoded) => batch.published.push(encoded),
                Item::Gaps => {}
                Item::Flush(done) => batch.waiting.push(done),
                Item::Stop => batch.stop = true,
            }
        }
        batch
    }
}

/// Records that the store did not take, and what is told once it has.
#[derive(Default)]
struct Held {
    records: Vec<JournalRecord>,
    published: Vec<Arc<Encoded>>,
}

struct Writer<S> {
    sink: S,
    interval: Interval,
    shared: Arc<Shared>,
    held: Held,
    /// Whether the last write failed after all its waits: the next one is tried once.
    failing: bool,
    teller: Teller,
}

impl<S: Sink> Writer<S> {
    fn run(mut self, mut queue: mpsc::Receiver<Item>) {
        let mut items = Vec::with_capacity(BATCH_ITEMS);
        self.teller.begin(&mut self.sink);
        while self.receive(&mut queue, &mut items) {
            let batch = Batch::of(items.drain(..));
            let interval = self.interval;
            for (symbol, klines) in batch.klines {
                let write = |sink: &mut S| sink.write_klines(symbol, interval, &klines);
                if !self.write("klines", klines.len(), write) {
                    self.lose("klines", klines.len());
                }
            }
            self.journal(batch.records, batch.published);
            self.keep_gaps();
            if let Some(snapshot) = batch.snapshot {
                self.keep(&snapshot);
            }
            for done in batch.waiting {
                // The one who asked may have gone.
                let _ = done.send(());
            }
            if batch.stop {
                break;
            }
        }
        let held = std::mem::take(&mut self.held.records);
        if !held.is_empty() {
            self.lose("journal", held.len());
        }
    }

    /// Takes out what waits; while records are held, not for longer than [`HELD_WAIT`]. Whether there can be more.
    fn receive(&self, queue: &mut mpsc::Receiver<Item>, items: &mut Vec<Item>) -> bool {
        if self.held.records.is_empty() {
            return queue.blocking_recv_many(items, BATCH_ITEMS) > 0;
        }
        let mut waited = false;
        while items.len() < BATCH_ITEMS {
            match queue.try_recv() {
                Ok(item) => items.push(item),
                Err(mpsc::error::TryRecvError::Disconnected) => return !items.is_empty(),
                Err(mpsc::error::TryRecvError::Empty) if waited || !items.is_empty() => return true,
                Err(mpsc::error::TryRecvError::Empty) => {
                    std::thread::sleep(HELD_WAIT);
                    waited = true;
                }
            }
        }
        true
    }

    /// Writes records, those that are held first, and tells subscribers of predictions; while the store takes no records nothing is
    /// told.
    fn journal(&mut self, records: Vec<JournalRecord>, published: Vec<Arc<Encoded>>) {
        let mut held = std::mem::take(&mut self.held);
        let had_held = !held.records.is_empty();
        held.records.extend(records);
        held.published.extend(published);
        let records = &held.records;
        let mut kept = Vec::new();
        let write = |sink: &mut S| sink.write_records(records).map(|written| kept = written);
        if !records.is_empty() && !self.write("journal", records.len(), write) {
            let beyond = held.records.len().saturating_sub(HELD_MAX);
            if beyond > 0 {
                let lost: HashSet<RecordKey> =
                    held.records.drain(..beyond).map(|record| RecordKey::of(&record)).collect();
                held.published.retain(|made| !lost.contains(&telling::key(&made.prediction)));
                self.lose("journal", beyond);
            }
            names::show_held_records(held.records.len());
            self.held = held;
            return;
        }
        if had_held {
            tracing::info!(
                records = records.len(),
                "the journal takes records again, those that were held are written"
            );
            names::show_held_records(0);
        }
        if !records.is_empty() {
            self.shared.touched_bars.note(records);
        }
        self.teller.tell(&mut self.sink, records, &kept, held.published);
    }

    fn lose(&self, what: &'static str, count: usize) {
        tracing::error!(what, count, "records are lost");
        self.shared.journal_lost.fetch_add(count as u64, Ordering::Relaxed);
        names::count_lost(what, count);
    }

    /// Keeps what has changed in the gap ledger, after the klines that filled its holes. What cannot be kept is kept with the next
    /// batch.
    fn keep_gaps(&mut self) {
        while let Some(changes) = self.shared.gaps.take_changes(GAPS_AT_ONCE) {
            if let Err(problem) = self.sink.write_gaps(self.interval, &changes) {
                tracing::warn!(problem, "the gap ledger was not kept, it is tried again with the next batch");
                self.shared.gaps.give_back(&changes);
                return;
            }
            names::count_written("gaps", changes.kept.len() + changes.forgotten.len());
        }
    }

    /// A state that cannot be saved is no loss: the next start replays the history, and the next state is saved anew.
    fn keep(&mut self, snapshot: &[u8]) {
        match self.sink.write_snapshot(snapshot) {
            Ok(()) => names::count_written("snapshot", 1),
            Err(problem) => {
                tracing::warn!(problem, "the state was not saved");
                names::count_lost("snapshot", 1);
            }
        }
    }

    /// Writes, several times if need be, once while writes fail; whether it was written in the end.
    fn write(
        &mut self,
        what: &'static str,
        count: usize,
        mut attempt: impl FnMut(&mut S) -> Result<(), String>,
    ) -> bool {
        let mut waits = RETRIES.into_iter().take(if self.failing { 0 } else { RETRIES.len() });
        loop {
            let problem = match attempt(&mut self.sink) {
                Ok(()) => {
                    self.failing = false;
                    names::count_written(what, count);
                    return true;
                }
                Err(problem) => problem,
            };
            let Some(wait) = waits.next() else {
                tracing::error!(
                    what,
                    count,
                    problem,
                    "the store takes nothing, predictions are held back until it does"
                );
                self.failing = true;
                return false;
            };
            tracing::warn!(what, count, problem, "the store failed, trying again");
            std::thread::sleep(wait);
        }
    }
}

#[cfg(test)]
#[path = "journaling_tests.rs"]
mod tests;
