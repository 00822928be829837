//! How often each model was asked, and how long its parts took: counters that a request never waits for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::inputs::ROWS_MAX;
use super::model::InferModel;
use crate::clock::wall_time;

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Reading the inputs.
    Input,
    /// Looking up or scoring; what waits for its turn to be scored waits here.
    Infer,
    /// Writing the outputs.
    Output,
}

/// So many, and how long they took together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// How many.
    pub count: u64,
    /// Nanoseconds.
    pub nanoseconds: u64,
}

#[derive(Debug, Default)]
struct Counter {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Counter {
    fn add(&self, took: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds(took), Ordering::Relaxed);
    }

    fn read(&self) -> Counted {
        Counted {
            count: self.count.load(Ordering::Relaxed),
            nanoseconds: self.nanoseconds.load(Ordering::Relaxed),
        }
    }
}

/// The executions of one batch size.
#[derive(Debug, Default)]
struct Batch {
    count: AtomicU64,
    nanoseconds: [AtomicU64; 3],
}

#[derive(Debug)]
struct Model {
    last_ms: AtomicU64,
    rows: AtomicU64,
    success: Counter,
    fail: Counter,
    parts: [Counter; 3],
    /// By rows, from 1 to the most that a request has.
    batches: Box<[Batch]>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            last_ms: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            success: Counter::default(),
            fail: Counter::default(),
            parts: Default::default(),
            batches: (0..ROWS_MAX).map(|_| Batch::default()).collect(),
        }
    }
}

/// The counts and times of every model since the start.
#[derive(Debug, Default)]
pub struct InferStatistics([Model; InferModel::COUNT]);

/// One batch size's counts and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchCount {
    /// The rows.
    pub rows: usize,
    /// How often.
    pub count: u64,
    /// The nanoseconds of each part, in their order.
    pub nanoseconds: [u64; 3],
}

/// One model's counts and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCounts {
    /// When it was last asked, Unix milliseconds; 0 if never.
    pub last_ms: u64,
    /// Rows that were answered.
    pub rows: u64,
    /// Requests that were answered.
    pub success: Counted,
    /// Requests that were refused or given up.
    pub fail: Counted,
    /// The parts of the answered ones, in their order.
    pub parts: [Counted; 3],
    /// By batch size, those that occurred.
    pub batches: Vec<BatchCount>,
}

impl InferStatistics {
    /// A request about a model begins.
    #[must_use]
    pub fn begin(&self, model: InferModel) -> Measurement<'_> {
        let now = Instant::now();
        let counts = &self.0[model.index()];
        counts.last_ms.store(u64::try_from(wall_time()).unwrap_or_default(), Ordering::Relaxed);
        Measurement { counts, began: now, parts: [Duration::ZERO; 3], since: now, done: false }
    }

    /// What was counted of a model.
    #[must_use]
    pub fn of(&self, model: InferModel) -> ModelCounts {
        let counts = &self.0[model.index()];
        let batch = |(index, batch): (usize, &Batch)| {
            let count = batch.count.load(Ordering::Relaxed);
            let nanoseconds = batch.nanoseconds.each_ref().map(|part| part.load(Ordering::Relaxed));
            (count > 0).then_some(BatchCount { rows: index + 1, count, nanoseconds })
        };
        ModelCounts {
            last_ms: counts.last_ms.load(Ordering::Relaxed),
            rows: counts.rows.load(Ordering::Relaxed),
            success: counts.success.read(),
            fail: counts.fail.read(),
            parts: counts.parts.each_ref().map(Counter::read),
            batches: counts.batches.iter().enumerate().filter_map(batch).collect(),
        }
    }
}

/// A request that is being answered. Dropped without an end it has failed.
#[derive(Debug)]
pub struct Measurement<'a> {
    counts: &'a Model,
    began: Instant,
    parts: [Duration; 3],
    since: Instant,
    done: bool,
}

impl Measurement<'_> {
    /// A part has ended; the next begins.
    pub fn ended(&mut self, part: Part) {
        let now = Instant::now();
        self.parts[part as usize] += now - self.since;
        self.since = now;
    }

    /// The request was answered about so many rows.
    pub fn answered(mut self, rows: usize) {
        self.done = true;
        self.counts.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.counts.success.add(self.began.elapsed());
        for (counter, took) in self.counts.parts.iter().zip(self.parts) {
            counter.add(took);
        }
        if let Some(batch) = rows.checked_sub(1).and_then(|index| self.counts.batches.get(index)) {
            batch.count.fetch_add(1, Ordering::Relaxed);
            for (sum, took) in batch.nanoseconds.iter().zip(self.parts) {
                sum.fetch_add(nanoseconds(took), Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Measurement<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.counts.fail.add(self.began.elapsed());
        }
    }
}

fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_its_rows_and_parts_and_what_is_dropped_has_failed() {
        let statistics = InferStatistics::default();
        for rows in [3, 3, ROWS_MAX] {
            let mut measured = statistics.begin(InferModel::All);
            for part in [Part::Input, Part::Infer, Part::Output] {
                measured.ended(part);
            }
            measured.answered(rows);
        }
        drop(statistics.begin(InferModel::All));
        let counts = statistics.of(InferModel::All);
        assert_eq!((counts.success.count, counts.fail.count), (3, 1));
        assert_eq!(counts.rows, 6 + ROWS_MAX as u64);
        assert!(counts.parts.iter().all(|part| part.count == 3) && counts.last_ms > 0);
        let sizes: Vec<(usize, u64)> = counts.batches.iter().map(|batch| (batch.rows, batch.count)).collect();
        assert_eq!(sizes, [(3, 2), (ROWS_MAX, 1)]);
        let whole: u64 = counts.parts.iter().map(|part| part.nanoseconds).sum();
        assert!(whole <= counts.success.nanoseconds);
        let other = statistics.of(InferModel::Task(forecast::Task::Return1Step));
        assert_eq!((other.success.count, other.last_ms, other.batches.len()), (0, 0, 0));
    }
}
