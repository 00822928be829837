//! Turns at the original libraries: one thread of a process works with a library at a time, the others wait.
//!
//! LightGBM keeps the number of its threads for the whole process, and a training whose number is changed by another one, or
//! by a prediction, reads beyond its buffers. A training holds its turn from the first round to the last. The two libraries
//! bring an OpenMP runtime each and may work side by side; who lets them divides the cores, so that they don't take each
//! other's (`train/cores.rs`).

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::FitError;

thread_local! {
    static HAS_TURN: Cell<bool> = const { Cell::new(false) };
}

/// Those at one library.
pub(super) struct Turns {
    library: &'static str,
    working: Mutex<()>,
}

/// A thread's turn; it ends when this is dropped.
pub(super) struct Turn {
    _working: MutexGuard<'static, ()>,
}

impl Turns {
    pub(super) const fn at(library: &'static str) -> Self {
        Self { library, working: Mutex::new(()) }
    }

    /// Waits until no other thread has one.
    ///
    /// # Errors
    /// [`FitError::Amid`] when this thread has one already: it is asked from within a training's progress.
    pub(super) fn take(&'static self) -> Result<Turn, FitError> {
        if HAS_TURN.get() {
            return Err(FitError::Amid { library: self.library });
        }
        // The lock guards no data of ours: one that panicked has left nothing half done here.
        let working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        HAS_TURN.set(true);
        Ok(Turn { _working: working })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        HAS_TURN.set(false);
    }
}
