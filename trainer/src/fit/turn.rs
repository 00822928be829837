//! Turns at the original libraries: one thread of a process works with them at a time, the others wait.
//!
//! LightGBM keeps the number of its threads for the whole process, and a training whose number is changed by another one, or
//! by a prediction, reads beyond its buffers. The two OpenMP runtimes that LightGBM and XGBoost bring would take each other's
//! cores besides. So both share the turns. A training holds its turn from the first round to the last.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::FitError;

static WORKING: Mutex<()> = Mutex::new(());

thread_local! {
    static HAS_TURN: Cell<bool> = const { Cell::new(false) };
}

/// This thread's turn; it ends when this is dropped.
pub(super) struct Turn {
    _working: MutexGuard<'static, ()>,
}

impl Turn {
    /// Waits until no other thread has one.
    ///
    /// # Errors
    /// [`FitError::Amid`] when this thread has one already: it is asked from within a training's progress.
    pub(super) fn take(library: &'static str) -> Result<Self, FitError> {
        if HAS_TURN.get() {
            return Err(FitError::Amid { library });
        }
        // The lock guards no data of ours: one that panicked has left nothing half done here.
        let working = WORKING.lock().unwrap_or_else(PoisonError::into_inner);
        HAS_TURN.set(true);
        Ok(Self { _working: working })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        HAS_TURN.set(false);
    }
}
