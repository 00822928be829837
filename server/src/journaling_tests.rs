use super::*;
use crate::testing::{encoded, prediction};
use std::sync::Mutex;

/// What a store says that keeps no chain.
fn unplaced(records: &[JournalRecord]) -> Vec<Kept> {
    records.iter().map(|_| Kept { is_new: true, place: None }).collect()
}

#[derive(Default)]
struct Recorder {
    records: Arc<Mutex<Vec<JournalRecord>>>,
    failures: usize,
}

impl Sink for Recorder {
    fn write_klines(&mut self, _: Symbol, _: Interval, _: &[Kline]) -> Result<(), String> {
        Ok(())
    }

    fn write_records(&mut self, records: &[JournalRecord]) -> Result<Vec<Kept>, String> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err("disk full".to_owned());
        }
        self.records.lock().expect("not poisoned").extend_from_slice(records);
        Ok(unplaced(records))
    }

    fn last_place(&mut self) -> Result<Option<ChainPlace>, String> {
        Ok(None)
    }

    fn predictions_after(&mut self, _: i64, _: u32) -> Result<Vec<PlacedPrediction>, String> {
        Ok(Vec::new())
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
    let (journaling, thread) = Journaling::spawn(recorder, Interval::M15, shared.clone()).expect("a thread");
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

    fn write_records(&mut self, records: &[JournalRecord]) -> Result<Vec<Kept>, String> {
        self.heard.lock().expect("not poisoned").push(self.listener.waiting());
        Ok(unplaced(records))
    }

    fn last_place(&mut self) -> Result<Option<ChainPlace>, String> {
        Ok(None)
    }

    fn predictions_after(&mut self, _: i64, _: u32) -> Result<Vec<PlacedPrediction>, String> {
        Ok(Vec::new())
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
        let made = encoded("A", bar, 1);
        journaling.record(JournalRecord::Prediction(made.prediction.clone()));
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
    assert_eq!(run(usize::MAX), (0, 1));
}

/// A home that the test keeps hold of.
struct Disk(Arc<Home>);

impl Sink for Disk {
    fn write_klines(&mut self, _: Symbol, _: Interval, _: &[Kline]) -> Result<(), String> {
        Ok(())
    }

    fn write_records(&mut self, records: &[JournalRecord]) -> Result<Vec<Kept>, String> {
        self.0.journal().keep(records).map_err(|error| causes(&error))
    }

    fn last_place(&mut self) -> Result<Option<ChainPlace>, String> {
        Ok(None)
    }

    fn predictions_after(&mut self, _: i64, _: u32) -> Result<Vec<PlacedPrediction>, String> {
        Ok(Vec::new())
    }

    fn write_gaps(&mut self, _: Interval, _: &GapChanges) -> Result<(), String> {
        Ok(())
    }

    fn write_snapshot(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn while_the_disk_is_full_nothing_is_told_and_once_there_is_room_all_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Arc::new(Home::open(folder.path()).expect("opens"));
    let shared = Arc::new(Shared::new(&[], 4_096));
    let listener = shared.subscribers.subscribe();
    store::testkit::limit_growth(&home, Some(2));
    let sink = Disk(Arc::clone(&home));
    let (journaling, thread) = Journaling::spawn(sink, Interval::M15, Arc::clone(&shared)).expect("a thread");
    // Some 3 kB each: far more than the room.
    const COUNT: i64 = 200;
    for bar in 1..=COUNT {
        let made = encoded("A", bar, 1);
        journaling.record(JournalRecord::Prediction(made.prediction.clone()));
        journaling.publish(made);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(journaling.flush());
    let kept = || home.journal().predictions(&store::JournalQuery::default()).expect("readable").len();
    let told = kept();
    assert!(told < COUNT as usize, "the disk is full");
    assert_eq!(listener.waiting(), told, "subscribers hear what is durable and nothing else");
    assert_eq!(shared.journal_lost.load(Ordering::Relaxed), 0);
    store::testkit::limit_growth(&home, None);
    journaling.stop();
    thread.join();
    assert_eq!((kept(), listener.waiting()), (COUNT as usize, COUNT as usize));
    assert_eq!(shared.journal_lost.load(Ordering::Relaxed), 0, "nothing is lost");
    assert_eq!(home.journal().verify(&mut |_, _| {}).expect("readable").fault_count, 0);
}

#[test]
fn two_processes_on_one_journal_each_tell_all_of_it_once_in_its_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = [(); 2].map(|()| Arc::new(Shared::new(&[], 64)));
    let listeners = shared.each_ref().map(|shared| shared.subscribers.subscribe());
    let writers = shared.each_ref().map(|shared| {
        let home = Home::open(folder.path()).expect("opens");
        Journaling::spawn(home, Interval::M15, Arc::clone(shared)).expect("a thread")
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    // Both make every prediction, sometimes the one first, sometimes the other, and some only one of them so far.
    for (writer, bar) in
        [(0, 1), (1, 1), (1, 2), (1, 3), (0, 2), (0, 4), (0, 3), (1, 5), (1, 4), (0, 5), (0, 6), (1, 6)]
    {
        let made = encoded("A", bar, 1);
        writers[writer].0.record(JournalRecord::Prediction(made.prediction.clone()));
        writers[writer].0.publish(made);
        runtime.block_on(writers[writer].0.flush());
    }
    for (journaling, thread) in writers {
        journaling.stop();
        thread.join();
    }
    for mut listener in listeners {
        let mut numbers = Vec::new();
        while let Some(crate::subscribers::Heard::Prediction(published)) = listener.try_next() {
            numbers.push(published.sequence());
        }
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    }
}
