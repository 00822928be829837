//! The journal's proofs: that it is as it was written, and that what it says can be made again.

use std::ops::ControlFlow;
use std::sync::Arc;

use store::Verification;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Service;
use crate::prediction_id::PredictionId;
use crate::reason::{Reason, Refusal};
use crate::replay::{Replay, replay};
use crate::telemetry::scope;

/// Steps that may wait for a slow reader; what it misses are steps of the progress only.
const QUEUE_STEPS: usize = 16;

/// So many records are looked at between two words about the progress.
const RECORDS_A_STEP: u64 = 4_096;

/// So many checks of the journal may run at once; one more is refused.
pub(super) const VERIFICATIONS_MAX: usize = 2;

/// So many predictions may be made again at once; one more is refused.
pub(super) const REPLAYS_MAX: usize = 2;

/// One step of a check.
#[derive(Debug)]
pub enum VerificationStep {
    /// How many of how many records were looked at.
    Progress(u64, u64),
    /// What was found; the last step.
    Done(Verification),
}

fn permit(of: &Arc<Semaphore>, what: &str, limit: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(of)
        .try_acquire_owned()
        .map_err(|_| Refusal::new(Reason::Busy, format!("{limit} {what} are running, more are not allowed")))
}

/// The prediction that a caller names.
///
/// # Errors
/// `MALFORMED_REQUEST`: no identifier.
pub fn read_id(id: &str) -> Result<PredictionId, Refusal> {
    id.parse().map_err(|error| Refusal::new(Reason::MalformedRequest, error).with("id", ""))
}

impl Service {
    /// Checks the whole journal, on a thread of its own; a refusal or [`VerificationStep::Done`] comes last. Stops when the receiver
    /// is dropped.
    ///
    /// # Errors
    /// [`Reason::Busy`].
    pub fn verify_journal(&self) -> Result<mpsc::Receiver<Result<VerificationStep, Refusal>>, Refusal> {
        let permit = permit(&self.limits.verifications, "checks of the journal", VERIFICATIONS_MAX)?;
        let (steps, receiver) = mpsc::channel(QUEUE_STEPS);
        let (stores, draining) = (self.stores.clone(), self.shared.draining.clone());
        let verify = scope::part("journal.verify", move || {
            let _permit = permit;
            let found = stores.verify_journal(&mut |done, total| {
                if steps.is_closed() || draining.is_cancelled() {
                    return ControlFlow::Break(());
                }
                if done % RECORDS_A_STEP == 0 {
                    // A full queue: nobody waits for this step.
                    let _ = steps.try_send(Ok(VerificationStep::Progress(done, total)));
                }
                ControlFlow::Continue(())
            });
            if let Ok(Some(Verification { fault_count: faults @ 1.., .. })) = &found {
                tracing::error!(faults, "the journal is not as it was written");
            }
            let last = match found {
                Ok(Some(found)) => Ok(VerificationStep::Done(found)),
                Ok(None) => Err(Refusal::new(Reason::Draining, "the server is stopping")),
                Err(refusal) => Err(refusal),
            };
            // The one who asked may have gone.
            let _ = steps.blocking_send(last);
            Ok(())
        });
        tokio::task::spawn_blocking(verify);
        Ok(receiver)
    }

    /// Makes a journalled prediction again and compares every bit, on a thread of its own.
    ///
    /// # Errors
    /// [`Reason::Busy`], [`Reason::MalformedRequest`], [`Reason::UnknownPrediction`], [`Reason::Dropped`],
    /// [`Reason::AmbiguousPrediction`], [`Reason::BundleRefused`] or [`Reason::StoreFailed`].
    pub async fn replay(&self, id: PredictionId) -> Result<Replay, Refusal> {
        let permit = permit(&self.limits.replays, "replays of predictions", REPLAYS_MAX)?;
        // What was answered before now stands in the journal's queue before this.
        self.journaling.flush().await;
        let (symbols, interval) = (self.shared.latest.load().symbols().to_vec(), self.interval);
        let asked = id.clone();
        let replayed = self.with_store(move |stores| {
            let _permit = permit;
            let mut span = scope::child("replay");
            let outcome = replay(stores, &symbols, interval, &id);
            span.judge(&outcome);
            outcome
        });
        let dropped = |refusal: &Refusal| {
            let dropped = self.shared.dropped.load_full()?;
            let is_it = refusal.reason == Reason::UnknownPrediction && asked.bar_time_ms < dropped.before_ms;
            is_it.then(|| dropped.refusal(&format_args!("prediction {asked}")).with("id", &asked))
        };
        replayed.await.map_err(|refusal| dropped(&refusal).unwrap_or(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn one_more_than_may_run_is_told_so_and_the_next_one_runs() {
        let home = tempfile::tempdir().expect("a folder");
        let service = testing::service(home.path());
        let all = |of: &Arc<Semaphore>, count: usize| {
            let count = u32::try_from(count).expect("small");
            Arc::clone(of).try_acquire_many_owned(count).expect("nothing runs")
        };
        let held = all(&service.limits.verifications, VERIFICATIONS_MAX);
        let refused = service.verify_journal().expect_err("too many");
        assert_eq!(refused.reason, Reason::Busy);
        assert!(refused.message.starts_with("2 checks of the journal") && refused.retry_after.is_some());
        drop(held);
        let mut steps = service.verify_journal().expect("there is room");
        let last = steps.recv().await.expect("a step").expect("no refusal");
        assert!(matches!(last, VerificationStep::Done(found) if found.records == 0));

        let held = all(&service.limits.replays, REPLAYS_MAX);
        let id = read_id("BTCUSDT:1799999:07").expect("an identifier");
        assert_eq!(service.replay(id.clone()).await.err().map(|refusal| refusal.reason), Some(Reason::Busy));
        drop(held);
        let refused = service.replay(id).await.expect_err("nothing is journalled");
        assert_eq!(refused.reason, Reason::UnknownPrediction);
    }

    #[tokio::test]
    async fn a_check_whose_reader_has_gone_makes_room() {
        let home = tempfile::tempdir().expect("a folder");
        let service = testing::service(home.path());
        for _ in 0..3 * VERIFICATIONS_MAX {
            drop(service.verify_journal());
            // Room is there again once the thread has ended; nothing else can give it back.
            let permit = Arc::clone(&service.limits.verifications).acquire_many_owned(2).await;
            assert!(permit.is_ok());
        }
    }
}
