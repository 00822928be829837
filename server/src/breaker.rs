//! A circuit breaker: what fails again and again is left alone for a while, so that nobody waits for it in vain.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How patient one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// So many failures in a row open it.
    pub(crate) failures: u32,
    /// It stays open so long at first; twice as long after each try that fails.
    pub(crate) wait: Duration,
    /// It stays open so long at most.
    pub(crate) wait_max: Duration,
}

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
pub(crate) struct Breaker {
    patience: Patience,
    state: Mutex<State>,
}

impl Breaker {
    /// A closed one.
    pub(crate) const fn new(patience: Patience) -> Self {
        Self { patience, state: Mutex::new(State::Closed { failures: 0 }) }
    }

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

    /// It answered; whether it was open.
    pub(crate) fn succeed(&self) -> bool {
        let mut state = self.state();
        let was_open = !matches!(*state, State::Closed { .. });
        if *state != (State::Closed { failures: 0 }) {
            *state = State::Closed { failures: 0 };
        }
        was_open
    }

    /// It failed; whether that has opened it.
    pub(crate) fn fail(&self, now: Instant) -> bool {
        let Patience { failures: most, wait, wait_max } = self.patience;
        let mut state = self.state();
        match *state {
            State::Closed { failures } if failures + 1 < most => {
                *state = State::Closed { failures: failures + 1 };
                false
            }
            State::Closed { .. } => {
                *state = State::Open { until: now + wait, wait };
                true
            }
            State::Trying { wait, .. } => {
                let wait = (wait * 2).min(wait_max);
                *state = State::Open { until: now + wait, wait };
                false
            }
            // Of somebody who was let in before it opened.
            State::Open { .. } => false,
        }
    }

    /// Whether it is open.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        !matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { failures: 5, wait: Duration::from_millis(500), wait_max: Duration::from_secs(30) };

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_try_at_a_time() {
        let (breaker, begin) = (Breaker::new(PATIENCE), Instant::now());
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        for _ in 0..PATIENCE.failures - 1 {
            assert_eq!(breaker.admit(begin), Ok(()));
            breaker.fail(begin);
        }
        assert!(!breaker.succeed(), "it was never open");
        for _ in 0..PATIENCE.failures {
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
        assert!(breaker.succeed());
        assert!(!breaker.is_open());
        assert_eq!(breaker.admit(at(1_511)), Ok(()));
    }

    #[test]
    fn a_hundred_that_fail_together_open_it_once_and_for_the_first_wait() {
        let (breaker, now) = (Breaker::new(PATIENCE), Instant::now());
        let opened = (0..100).filter(|_| breaker.fail(now)).count();
        assert_eq!((opened, breaker.admit(now)), (1, Err(PATIENCE.wait)));
    }

    #[test]
    fn the_wait_does_not_grow_for_ever_and_a_try_that_is_never_heard_of_again_blocks_nobody_for_ever() {
        let (breaker, mut now) = (Breaker::new(PATIENCE), Instant::now());
        for _ in 0..PATIENCE.failures {
            breaker.fail(now);
        }
        for _ in 0..20 {
            let wait = breaker.admit(now).expect_err("open");
            assert!(wait <= PATIENCE.wait_max);
            now += wait;
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.fail(now);
        }
        now += PATIENCE.wait_max;
        assert_eq!(breaker.admit(now), Ok(()), "tries, and is cancelled");
        assert!(breaker.admit(now).is_err());
        assert_eq!(breaker.admit(now + PATIENCE.wait_max), Ok(()));
    }
}
