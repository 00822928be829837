//! Long reckoning that nobody waits for, out of the way of answers that somebody waits for.

use std::panic::resume_unwind;
use std::thread;

use crate::reason::{Reason, Refusal};
use crate::telemetry::scope::Scope;

/// The priority that yields to every other one: about one part in seventy of a core that is fully taken, all of one that
/// is not.
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;

/// Whether somebody waits for a reckoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// At the priority of answers.
    Now,
    /// See [`unhurried`].
    Unhurried,
}

impl Haste {
    /// Does `work` so. Blocks.
    pub(crate) fn reckon<T: Send>(self, work: impl FnOnce() -> T + Send) -> Result<T, Refusal> {
        match self {
            Self::Now => Ok(work()),
            Self::Unhurried => unhurried(work),
        }
    }
}

/// Does `work` on a thread of the lowest priority within the scope of the one who asks, and waits for it. Blocks. The
/// work should reckon and nothing else: a lock that it holds is held for as long as others are busy.
///
/// # Errors
/// [`Reason::Busy`] if the system gives no thread.
pub(crate) fn unhurried<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Refusal> {
    let scope = Scope::current();
    thread::scope(|threads| {
        let yielding = move || {
            yield_to_all();
            scope.run(work)
        };
        let thread = thread::Builder::new()
            .name("unhurried".to_owned())
            .spawn_scoped(threads, yielding)
            .map_err(|error| Refusal::new(Reason::Busy, format!("the system gives no thread: {error}")))?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Gives this thread the lowest priority.
#[cfg(target_os = "linux")]
fn yield_to_all() {
    // On Linux a thread has a priority of its own. Where it is not allowed, the work is done at that of everybody else.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LOWEST);
}

#[cfg(not(target_os = "linux"))]
const fn yield_to_all() {}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[cfg(target_os = "linux")]
    fn niceness() -> i32 {
        rustix::process::getpriority_process(Some(rustix::thread::gettid())).expect("a priority")
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_is_done_at_the_lowest_priority_and_the_one_who_asks_keeps_theirs() {
        let before = niceness();
        let (inside, name) =
            unhurried(|| (niceness(), thread::current().name().map(str::to_owned))).expect("a thread");
        assert_eq!((inside, name.as_deref()), (LOWEST, Some("unhurried")));
        assert_eq!(niceness(), before);
    }

    #[test]
    fn a_panic_reaches_the_one_who_asks() {
        let caught = catch_unwind(AssertUnwindSafe(|| unhurried(|| resume_unwind(Box::new("no")))));
        assert_eq!(caught.expect_err("a panic").downcast_ref::<&str>(), Some(&"no"));
    }
}
