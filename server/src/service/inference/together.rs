//! Feature rows of several requests, scored as one batch: sixteen rows asked at once cost each a third of one row alone.
//! Nobody waits for a batch to fill; what has arrived when it is begun is its content.

use std::sync::{Arc, Mutex, PoisonError};

use forecast::{Bundle, MemberAnswers};
use tokio::sync::oneshot;

/// So many rows at most make a batch of several requests. Between batches others have their turn.
const BATCH_ROWS: usize = 64;

/// Rows, and where the regimes are cut for each.
#[derive(Debug)]
pub(super) struct FeatureRows {
    pub(super) bundle: Arc<Bundle>,
    pub(super) features: Vec<f64>,
    pub(super) cuts: Vec<Option<[f64; 2]>>,
}

/// One list a row.
type Answers = Vec<Vec<MemberAnswers>>;

#[derive(Debug)]
struct Waiting {
    rows: FeatureRows,
    answers: oneshot::Sender<Answers>,
}

/// The rows that wait for the next batch.
#[derive(Debug, Default)]
pub(in super::super) struct Together(Arc<Mutex<Vec<Waiting>>>);

impl Together {
    /// The answers to rows, in their order; `None` if the scoring failed.
    pub(super) async fn score(&self, rows: FeatureRows) -> Option<Answers> {
        let (answers, answered) = oneshot::channel();
        if self.join(Waiting { rows, answers }) {
            // By itself, as this request may be given up while others count on the batch.
            tokio::spawn(work(self.0.clone()));
        }
        answered.await.ok()
    }

    /// Whether these are the first, so that a batch is to be begun.
    fn join(&self, rows: Waiting) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(rows);
        waiting.len() == 1
    }
}

/// Scores all that waits, after requests that have already arrived were read.
async fn work(waiting: Arc<Mutex<Vec<Waiting>>>) {
    tokio::task::yield_now().await;
    let all = std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
    for batch in batches(all) {
        score(batch);
        tokio::task::yield_now().await;
    }
}

/// Splits into batches that one bundle is asked about.
fn batches(waiting: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let (mut batches, mut count): (Vec<Vec<Waiting>>, usize) = (Vec::new(), 0);
    for next in waiting {
        let more = next.rows.cuts.len();
        match batches.last_mut() {
            Some(batch)
                if count + more <= BATCH_ROWS && Arc::ptr_eq(&batch[0].rows.bundle, &next.rows.bundle) =>
            {
                batch.push(next);
                count += more;
            }
            _ => {
                batches.push(vec![next]);
                count = more;
            }
        }
    }
    batches
}

fn score(batch: Vec<Waiting>) {
    // Whoever has gone is not scored for.
    let mut batch = batch.into_iter().filter(|waiting| !waiting.answers.is_closed());
    let Some(Waiting { rows: FeatureRows { bundle, mut features, mut cuts }, answers }) = batch.next() else {
        return;
    };
    let mut callers = vec![(cuts.len(), answers)];
    for Waiting { rows, answers } in batch {
        callers.push((rows.cuts.len(), answers));
        features.extend_from_slice(&rows.features);
        cuts.extend_from_slice(&rows.cuts);
    }
    let mut scored = bundle.answer_rows(&features, &cuts).into_iter();
    for (count, answers) in callers {
        // A caller may go at any time.
        let _ = answers.send(scored.by_ref().take(count).collect());
    }
}

#[cfg(test)]
#[path = "together_tests.rs"]
mod tests;
