//! How long to wait before the next try. Pure: chance comes in as an argument.

use std::time::Duration;

/// Waits that double from `first` to `longest`, each shortened by up to `jitter` of itself, so that many
/// clients of one fallen exchange do not return in step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackoffPolicy {
    /// The first wait.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
    /// The part of a wait that chance may take away, 0 to 1.
    pub jitter: f64,
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), longest: Duration::from_secs(30), jitter: 0.5 }
    }
}

/// Counts failed tries.
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: BackoffPolicy,
    attempt: u32,
}

impl Backoff {
    /// No try has failed yet.
    #[must_use]
    pub const fn new(policy: BackoffPolicy) -> Self {
        Self { policy, attempt: 0 }
    }

    /// Failed tries since the last success.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Counts one failure and says how long to wait; `chance` is uniform in 0 to 1 (clamped).
    pub fn next_wait(&mut self, chance: f64) -> Duration {
        let doublings = self.attempt.min(31);
        self.attempt = self.attempt.saturating_add(1);
        let full = self.policy.first.saturating_mul(1 << doublings).min(self.policy.longest);
        let jitter = self.policy.jitter.clamp(0.0, 1.0);
        let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 0.0 };
        full.mul_f64(1.0 - jitter * chance)
    }

    /// Forgets all failures.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: BackoffPolicy =
        BackoffPolicy { first: Duration::from_millis(100), longest: Duration::from_secs(5), jitter: 0.5 };

    #[test]
    fn waits_double_to_the_longest_and_start_again_after_success() {
        let mut backoff = Backoff::new(POLICY);
        let waits: Vec<u128> = (0..8).map(|_| backoff.next_wait(0.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.attempt(), 8);
        backoff.reset();
        assert_eq!(backoff.next_wait(1.0).as_millis(), 50);
    }

    proptest! {
        #[test]
        fn a_wait_stays_between_its_bounds(failures in 0u32..200, chance in any::<f64>()) {
            let mut backoff = Backoff::new(POLICY);
            for _ in 0..failures {
                backoff.next_wait(0.5);
            }
            let wait = backoff.next_wait(chance);
            prop_assert!(wait >= POLICY.first / 2 && wait <= POLICY.longest, "{wait:?}");
        }
    }
}
