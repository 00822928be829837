//! How long to wait before trying again.

use std::time::Duration;

/// A bounded exponential back-off with jitter: each wait lies between half of its bound and its bound, and the bound
/// doubles up to a maximum.
///
/// ```
/// use std::time::Duration;
/// use klinecast::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(300));
/// assert_eq!(backoff.next_wait(1.0), Duration::from_millis(100));
/// assert_eq!(backoff.next_wait(0.0), Duration::from_millis(100));
/// assert_eq!(backoff.next_wait(1.0), Duration::from_millis(300));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    minimum: Duration,
    maximum: Duration,
    bound: Duration,
}

impl Backoff {
    /// A back-off whose first bound is `minimum` and whose last is `maximum`.
    #[must_use]
    pub fn new(minimum: Duration, maximum: Duration) -> Self {
        Self { minimum, maximum, bound: minimum.min(maximum) }
    }

    /// The next wait. `unit` in 0 to 1 is the jitter; the caller draws it, so that this type holds no randomness.
    pub fn next_wait(&mut self, unit: f64) -> Duration {
        let wait = self.bound.mul_f64(0.5 + 0.5 * unit.clamp(0.0, 1.0));
        self.bound = self.bound.saturating_mul(2).min(self.maximum);
        wait
    }

    /// Starts again at the first bound, after a success.
    pub fn reset(&mut self) {
        self.bound = self.minimum.min(self.maximum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_between_half_the_bound_and_the_bound() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        for bound_ms in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
            let mut same = backoff.clone();
            assert_eq!(same.next_wait(0.0), Duration::from_millis(bound_ms / 2));
            assert_eq!(backoff.next_wait(1.0), Duration::from_millis(bound_ms));
        }
        backoff.reset();
        assert_eq!(backoff.next_wait(1.0), Duration::from_millis(100));
    }

    #[test]
    fn a_minimum_above_the_maximum_is_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_secs(9), Duration::from_secs(1));
        assert_eq!(backoff.next_wait(7.0), Duration::from_secs(1));
    }
}
