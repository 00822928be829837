//! The thread that writes klines, journal records, the gap ledger and snapshots to the store, in batches, and tells subscribers
//! of the predictions whose records are durable.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use forecast::{JournalRecord, Prediction};
use kline::{Interval, Kline, Symbol};
use store::{Home, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::gaps::GapChanges;
use crate::state::Shared;
use crate::telemetry::metrics as names;

/// How many items may wait. At the bound the engine's thread waits: nothing is dropped for want of room.
const QUEUE_ITEMS: usize = 65_536;

/// How many items are written at once.
const BATCH_ITEMS: usize = 2_048;

/// How many holes of the gap ledger are written at once.
const GAPS_AT_ONCE: usize = 2_048;

/// The waits after a failed write; when the last has failed too, the batch is lost, counted and logged.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1)];

/// The parts of the store that the thread writes to.
pub trait Sink: Send + 'static {
    /// Writes klines of one symbol.
    ///
    /// # Errors
    /// What the store says.
    fn write_klines(&mut self, symbol: Symbol, interval: Interval, klines: &[Kline]) -> Result<(), String>;

    /// Writes journal records.
    ///
    /// # Errors
    /// What the store says.
    fn write_records(&mut self, records: &[JournalRecord]) -> Result<(), String>;

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

    fn write_records(&mut self, records: &[JournalRecord]) -> Result<(), String> {
        self.journal().append(records).map(drop).map_err(|error| causes(&error))
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
    Publish(Arc<Prediction>),
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
        let writer = Writer { sink, interval, shared };
        let handle =
            std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(queue))?;
        Ok((Self { items }, JournalingThread { handle }))
    }

    /// Journals a record. Blocks at the bound; not for async code.
    pub fn record(&self, record: JournalRecord) {
        // An error says that the thread was stopped: the server ends.
        let _ = self.items.blocking_send(Item::Record(record));
    }

    /// Tells subscribers of a prediction after all records that were sent before are durable (or lost, which is counted).
    /// Blocks at the bound; not for async code.
    pub fn publish(&self, prediction: Arc<Prediction>) {
        let _ = self.items.blocking_send(Item::Publish(prediction));
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

struct Writer<S> {
    sink: S,
    interval: Interval,
    shared: Arc<Shared>,
}

impl<S: Sink> Writer<S> {
    fn run(mut self, mut queue: mpsc::Receiver<Item>) {
        let mut items = Vec::with_capacity(BATCH_ITEMS);
        while queue.blocking_recv_many(&mut items, BATCH_ITEMS) > 0 {
            let mut records = Vec::new();
            let mut klines: BTreeMap<Symbol, Vec<Kline>> = BTreeMap::new();
            let mut snapshot = None;
            let mut published = Vec::new();
            let mut waiting = Vec::new();
            let mut stop = false;
            for item in items.drain(..) {
                match item {
                    Item::Record(record) => records.push(record),
                    Item::Kline(symbol, kline) => klines.entry(symbol).or_default().push(kline),
                    Item::Snapshot(bytes) => snapshot = Some(bytes),
                    Item::Publish(prediction) => published.push(prediction),
                    Item::Gaps => {}
                    Item::Flush(done) => waiting.push(done),
                    Item::Stop => stop = true,
                }
            }
            let interval = self.interval;
            for (symbol, klines) in klines {
                self.write("klines", klines.len(), |sink| sink.write_klines(symbol, interval, &klines));
            }
            if !records.is_empty()
                && self.write("journal", records.len(), |sink| sink.write_records(&records))
            {
                self.shared.touched_bars.note(&records);
            }
            for prediction in published {
                self.shared.subscribers.publish(prediction);
            }
            self.keep_gaps();
            if let Some(snapshot) = snapshot {
                self.keep(&snapshot);
            }
            for done in waiting {
                // The one who asked may have gone.
                let _ = done.send(());
            }
            if stop {
                return;
            }
        }
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

    /// Writes, several times if need be; whether it was written in the end.
    fn write(
        &mut self,
        what: &'static str,
        count: usize,
        mut attempt: impl FnMut(&mut S) -> Result<(), String>,
    ) -> bool {
        let mut waits = RETRIES.into_iter();
        loop {
            let problem = match attempt(&mut self.sink) {
                Ok(()) => {
                    names::count_written(what, count);
                    return true;
                }
                Err(problem) => problem,
            };
            let Some(wait) = waits.next() else {
                tracing::error!(what, count, problem, "the store failed, records are lost");
                self.shared.journal_lost.fetch_add(count as u64, Ordering::Relaxed);
                names::count_lost(what, count);
                return false;
            };
            tracing::warn!(what, count, problem, "the store failed, trying again");
            std::thread::sleep(wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::prediction;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Recorder {
        records: Arc<Mutex<Vec<JournalRecord>>>,
        failures: usize,
    }

    impl Sink for Recorder {
        fn write_klines(&mut self, _: Symbol, _: Interval, _: &[Kline]) -> Result<(), String> {
            Ok(())
        }

        fn write_records(&mut self, records: &[JournalRecord]) -> Result<(), String> {
            if self.failures > 0 {
                self.failures -= 1;
                return Err("disk full".to_owned());
            }
            self.records.lock().expect("not poisoned").extend_from_slice(records);
            Ok(())
        }

        fn write_gaps(&mut self, _: Interval, _: &GapChanges) -> Result<(), String> {
            Ok(())
        }

        fn write_snapshot(&mut self, _: &[u8]) -> Result<(), String> {
            Ok(())
        }
    }

    fn run(failures: usize) -> (usize, u64) {
        let recorder = Recorder { failures, ..Recorder::default() };
        let records = recorder.records.clone();
        let shared = Arc::new(Shared::new(&[], 1));
        let (journaling, thread) =
            Journaling::spawn(recorder, Interval::M15, shared.clone()).expect("a thread");
        journaling.record(JournalRecord::Prediction(Arc::new(prediction("A", 1, 1))));
        journaling.stop();
        thread.join();
        let written = records.lock().expect("not poisoned").len();
        (written, shared.journal_lost.load(Ordering::Relaxed))
    }

    #[test]
    fn all_is_written_before_the_end_and_a_short_failure_loses_nothing() {
        assert_eq!(run(0), (1, 0));
        assert_eq!(run(2), (1, 0));
    }

    /// A store that notes how many predictions subscribers had heard when it was written to.
    struct Watchful {
        listener: crate::subscribers::Listener,
        heard: Arc<Mutex<Vec<usize>>>,
    }

    impl Sink for Watchful {
        fn write_klines(&mut self, _: Symbol, _: Interval, _: &[Kline]) -> Result<(), String> {
            Ok(())
        }

        fn write_records(&mut self, _: &[JournalRecord]) -> Result<(), String> {
            self.heard.lock().expect("not poisoned").push(self.listener.waiting());
            Ok(())
        }

        fn write_gaps(&mut self, _: Interval, _: &GapChanges) -> Result<(), String> {
            Ok(())
        }

        fn write_snapshot(&mut self, _: &[u8]) -> Result<(), String> {
            Ok(())
        }
    }

    #[test]
    fn subscribers_hear_a_prediction_after_its_record_is_written() {
        let shared = Arc::new(Shared::new(&[], 8));
        let heard = Arc::default();
        let sink = Watchful { listener: shared.subscribers.subscribe(), heard: Arc::clone(&heard) };
        let listener = shared.subscribers.subscribe();
        let (journaling, thread) = Journaling::spawn(sink, Interval::M15, shared).expect("a thread");
        for bar in 1..=2 {
            let made = Arc::new(prediction("A", bar, 1));
            journaling.record(JournalRecord::Prediction(Arc::clone(&made)));
            journaling.publish(made);
        }
        journaling.stop();
        thread.join();
        assert_eq!(listener.waiting(), 2);
        // However the items fell into batches: when a record is written, only predictions of earlier records are heard.
        let heard = heard.lock().expect("not poisoned");
        assert!(heard.iter().enumerate().all(|(earlier, heard)| *heard <= earlier), "{heard:?}");
    }

    #[test]
    fn what_a_lasting_failure_loses_is_counted() {
        assert_eq!(run(4), (0, 1));
    }
}
