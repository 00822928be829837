//! Whether the server keeps up. When it does not, calls are refused before anything is done for them, so that those that were
//! taken in are answered in time; health is answered always, metrics have an address of their own.

mod layer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::reason::{Reason, Refusal};
use crate::telemetry::metrics as names;

pub use layer::ShedLayer;

/// How often it is looked how late tasks run.
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// How much of the lateness of a moment ago still counts, in eighths: it fades to a third within a fifth of a second.
const FADE_EIGHTHS: u64 = 7;

/// The bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadLimits {
    /// How many calls may be under way; streams that have begun do not count.
    pub calls_max: usize,
    /// How late tasks may run before calls are refused.
    pub lag_max: Duration,
}

/// How busy the server is.
#[derive(Debug)]
pub struct Load {
    limits: LoadLimits,
    calls: AtomicUsize,
    /// How late tasks run, in microseconds.
    lag: AtomicU64,
}

impl Load {
    /// Idle.
    #[must_use]
    pub const fn new(limits: LoadLimits) -> Self {
        Self { limits, calls: AtomicUsize::new(0), lag: AtomicU64::new(0) }
    }

    /// Looks again and again how late a task runs that wanted to run now: as late as a request's would.
    pub async fn watch(self: Arc<Self>) {
        loop {
            let due = Instant::now() + PROBE_EVERY;
            tokio::time::sleep_until(due).await;
            let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.note_lag(late);
        }
    }

    fn note_lag(&self, microseconds: u64) {
        let faded = self.lag.load(Ordering::Relaxed) / 8 * FADE_EIGHTHS;
        let lag = microseconds.max(faded);
        self.lag.store(lag, Ordering::Relaxed);
        names::show_lag(Duration::from_micros(lag), self.calls.load(Ordering::Relaxed));
    }

    /// Takes a call in, or refuses it.
    ///
    /// # Errors
    /// [`Reason::Overloaded`].
    pub fn admit(self: &Arc<Self>) -> Result<Admitted, Refusal> {
        let lag = Duration::from_micros(self.lag.load(Ordering::Relaxed));
        let admitted = Admitted::new(self);
        let calls = self.calls.load(Ordering::Relaxed);
        if lag <= self.limits.lag_max && calls <= self.limits.calls_max {
            return Ok(admitted);
        }
        names::count_shed();
        let message = format!(
            "{} calls are under way and tasks run {} ms late, {} and {} ms are allowed",
            calls - 1,
            lag.as_millis(),
            self.limits.calls_max,
            self.limits.lag_max.as_millis()
        );
        Err(Refusal::new(Reason::Overloaded, message))
    }
}

/// A call under way; dropped when it is answered.
#[derive(Debug)]
pub struct Admitted(Arc<Load>);

impl Admitted {
    fn new(load: &Arc<Load>) -> Self {
        load.calls.fetch_add(1, Ordering::Relaxed);
        Self(load.clone())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Arc<Load> {
        Arc::new(Load::new(LoadLimits { calls_max: 2, lag_max: Duration::from_millis(100) }))
    }

    #[test]
    fn one_call_too_many_is_refused_and_the_next_one_is_taken_in_when_another_has_ended() {
        let load = load();
        let (first, second) = (load.admit(), load.admit());
        let refused = load.admit().expect_err("two are under way");
        assert_eq!(refused.reason, Reason::Overloaded);
        assert!(refused.message.starts_with("2 calls") && refused.retry_after.is_some(), "{refused}");
        drop(first);
        assert!(load.admit().is_ok());
        drop(second);
        assert_eq!(load.calls.load(Ordering::Relaxed), 0, "what was refused does not count");
    }

    #[test]
    fn a_late_server_refuses_until_it_has_caught_up() {
        let load = load();
        load.note_lag(250_000);
        assert!(load.admit().is_err());
        let mut probes = 0;
        while load.admit().is_err() {
            load.note_lag(0);
            probes += 1;
        }
        assert!((2..20).contains(&probes), "{probes}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_blocked_thread_shows() {
        let load = load();
        let watching = tokio::spawn(load.clone().watch());
        tokio::time::sleep(PROBE_EVERY / 2).await;
        std::thread::sleep(Duration::from_millis(150));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(load.admit().is_err());
        watching.abort();
    }
}
