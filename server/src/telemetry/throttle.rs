//! So many in so long, and how many more there were.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets a bounded number through in each window of time, and counts the others.
#[derive(Debug)]
pub(super) struct Throttle {
    most: u32,
    window: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    began: Option<Instant>,
    admitted: u32,
    withheld: u64,
}

impl Throttle {
    pub(super) const fn new(most: u32, window: Duration) -> Self {
        let state = State { began: None, admitted: 0, withheld: 0 };
        Self { most, window, state: Mutex::new(state) }
    }

    /// Whether one more may pass: the number of those that were withheld since the last that did.
    pub(super) fn admit(&self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.began.is_none_or(|began| now.saturating_duration_since(began) >= self.window) {
            state.began = Some(now);
            state.admitted = 0;
        }
        if state.admitted >= self.most {
            state.withheld += 1;
            return None;
        }
        state.admitted += 1;
        Some(std::mem::take(&mut state.withheld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lets_so_many_through_and_tells_of_the_others() {
        let throttle = Throttle::new(2, Duration::from_secs(1));
        let now = Instant::now();
        let at = |ms| throttle.admit_at(now + Duration::from_millis(ms));
        assert_eq!([at(0), at(0), at(1), at(999)], [Some(0), Some(0), None, None]);
        assert_eq!([at(1_000), at(1_001), at(1_002)], [Some(2), Some(0), None]);
        assert_eq!(at(5_000), Some(1));
    }
}
