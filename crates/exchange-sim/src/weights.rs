//! Request weight per minute of the wall. All clients of loopback count as one address.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The header that tells how much of the minute's weight has been used.
pub(crate) const WEIGHT_HEADER: &str = "x-mbx-used-weight-1m";

const MINUTE: Duration = Duration::from_secs(60);

/// The weight used in the running minute.
#[derive(Debug)]
pub(crate) struct Weights {
    limit: u32,
    window: Mutex<(Instant, u32)>,
}

impl Weights {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, window: Mutex::new((Instant::now(), 0)) }
    }

    pub(crate) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Adds `weight` and returns what the minute has used.
    ///
    /// # Errors
    /// The seconds until the next minute, if this one's weight is used up.
    pub(crate) fn charge(&self, weight: u32) -> Result<u32, u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0.elapsed() >= MINUTE {
            *window = (Instant::now(), 0);
        }
        if window.1.saturating_add(weight) > self.limit {
            return Err(MINUTE.saturating_sub(window.0.elapsed()).as_secs() + 1);
        }
        window.1 += weight;
        Ok(window.1)
    }
}
