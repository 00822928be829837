//! A circuit breaker: what fails again and again is left alone for a while, so that nobody waits for it in vain.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many failures in a row open it.
const FAILURES: u32 = 5;

/// It stays open so long at first; twice as long after each try that fails.
const WAIT: Duration = Duration::from_millis(500);

/// It stays open so long at most.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everybody may.
    Closed { failures: u32 },
    /// Nobody may before this moment.
    Open { until: Instant, wait: Duration },
    /// One tries, everybody else waits for what it finds until then.
    Trying { until: Instant, wait: Duration },
}

/// Stands between us and something that may fail.
#[derive(Debug)]
pub(crate) struct Breaker(Mutex<State>);

impl Default for Breaker {
    fn default() -> Self {
        Self(Mutex::new(State::Closed { failures: 0 }))
    }
}

impl Breaker {
    /// Whether it may be tried now; if not, after how long.
    ///
    /// # Errors
    /// The wait.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until, wait } | State::Trying { until, wait } if now >= until => {
                // Whoever tries may be cancelled: after another wait somebody else may.
                *state = State::Trying { until: now + wait, wait };
                Ok(())
            }
            State::Open { until, .. } | State::Trying { until, .. } => Err(until.duration_since(now)),
        }
    }

    /// It answered.
    pub(crate) fn succeed(&self) {
        let mut state = self.state();
        if !matches!(*state, State::Closed { failures: 0 }) {
            *state = State::Closed { failures: 0 };
        }
    }

    /// It failed.
    pub(crate) fn fail(&self, now: Instant) {
        let mut state = self.state();
        *state = match *state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            State::Closed { .. } => State::Open { until: now + WAIT, wait: WAIT },
            State::Trying { wait, .. } => {
                let wait = (wait * 2).min(WAIT_MAX);
                State::Open { until: now + wait, wait }
            }
            // Of somebody who was let in before it opened.
            open @ State::Open { .. } => open,
        };
    }

    /// Whether it is open.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        !matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_try_at_a_time() {
        let (breaker, begin) = (Breaker::default(), Instant::now());
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        for _ in 0..FAILURES - 1 {
            assert_eq!(breaker.admit(begin), Ok(()));
            breaker.fail(begin);
        }
        breaker.succeed();
        for _ in 0..FAILURES {
            assert_eq!(breaker.admit(begin), Ok(()), "a success between begins the count again");
            breaker.fail(begin);
        }
        assert!(breaker.is_open());
        assert_eq!(breaker.admit(at(100)), Err(Duration::from_millis(400)));
        assert_eq!(breaker.admit(at(500)), Ok(()), "one tries");
        assert_eq!(breaker.admit(at(501)), Err(Duration::from_millis(499)), "and nobody else");
        breaker.fail(at(510));
        assert_eq!(breaker.admit(at(510)), Err(Duration::from_secs(1)), "twice as long");
        assert_eq!(breaker.admit(at(1_510)), Ok(()));
        breaker.succeed();
        assert!(!breaker.is_open());
        assert_eq!(breaker.admit(at(1_511)), Ok(()));
    }

    #[test]
    fn the_wait_does_not_grow_for_ever_and_a_try_that_is_never_heard_of_again_blocks_nobody_for_ever() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES {
            breaker.fail(now);
        }
        for _ in 0..20 {
            let wait = breaker.admit(now).expect_err("open");
            assert!(wait <= WAIT_MAX);
            now += wait;
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.fail(now);
        }
        now += WAIT_MAX;
        assert_eq!(breaker.admit(now), Ok(()), "tries, and is cancelled");
        assert!(breaker.admit(now).is_err());
        assert_eq!(breaker.admit(now + WAIT_MAX), Ok(()));
    }
}
