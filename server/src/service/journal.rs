//! The journal's proof.

use store::Verification;
use tokio::sync::mpsc;

use super::Service;
use crate::reason::Refusal;

/// Steps that may wait for a slow reader; what it misses are steps of the progress only.
const QUEUE_STEPS: usize = 16;

/// So many records are looked at between two words about the progress.
const RECORDS_A_STEP: u64 = 4_096;

/// One step of a check.
#[derive(Debug)]
pub enum VerificationStep {
    /// How many of how many records were looked at.
    Progress(u64, u64),
    /// What was found; the last step.
    Done(Verification),
}

impl Service {
    /// Checks the whole journal, on a thread of its own; a refusal or [`VerificationStep::Done`] comes last.
    #[must_use]
    pub fn verify_journal(&self) -> mpsc::Receiver<Result<VerificationStep, Refusal>> {
        let (steps, receiver) = mpsc::channel(QUEUE_STEPS);
        let stores = self.stores.clone();
        tokio::task::spawn_blocking(move || {
            let found = stores.verify_journal(&mut |done, total| {
                if done % RECORDS_A_STEP == 0 {
                    // A full queue or a reader that has gone: either way nobody waits for this step.
                    let _ = steps.try_send(Ok(VerificationStep::Progress(done, total)));
                }
            });
            if let Ok(Verification { fault_count: faults @ 1.., .. }) = &found {
                tracing::error!(faults, "the journal is not as it was written");
            }
            // The one who asked may have gone.
            let _ = steps.blocking_send(found.map(VerificationStep::Done));
        });
        receiver
    }
}
