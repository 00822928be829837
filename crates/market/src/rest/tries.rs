//! How often and when a request that failed is sent again. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::{ExchangeLimits, MarketError};

/// The tries of one request after the other.
#[derive(Debug)]
pub(super) struct Tries {
    most: u32,
    backoff: Backoff,
    not_before: Option<Instant>,
}

impl Tries {
    pub(super) fn new(limits: &ExchangeLimits) -> Self {
        Self { most: limits.request_attempts, backoff: Backoff::new(limits.backoff), not_before: None }
    }

    /// Until when nothing is sent.
    pub(super) fn wait(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|until| *until > now)
    }

    /// What came is an answer.
    pub(super) fn succeeded(&mut self) {
        self.backoff.reset();
        self.not_before = None;
    }

    /// Plans the next try; `chance` is uniform in 0 to 1 and shortens the wait.
    ///
    /// # Errors
    /// The failure itself once the tries are used up, or at once when trying again cannot help.
    pub(super) fn failed(
        &mut self,
        error: MarketError,
        (now, chance): (Instant, f64),
    ) -> Result<(), MarketError> {
        // The budget keeps still for as long as the exchange asks.
        let limited = matches!(error, MarketError::RateLimited { .. });
        let wait = self.backoff.next_wait(if limited { 1.0 } else { chance });
        self.not_before = Some(now + if limited { Duration::ZERO } else { wait });
        if !error.is_retryable() || self.backoff.attempt() >= self.most {
            return Err(error);
        }
        tracing::warn!(%error, wait_ms = wait.as_millis(), "a request failed, trying again");
        Ok(())
    }
}
