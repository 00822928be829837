//! A line to Redis that never holds anybody up: questions have a short time, and while Redis does not answer only one after each
//! pause is asked at all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};

use crate::breaker::{Breaker, Patience};
use crate::telemetry::metrics::show_breaker;

/// Longest wait for an answer; then whoever asked does without.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(150);

/// Longest wait for a connection. It goes on after the call that asked for it was answered otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// One failure is enough: whoever asks does without meanwhile.
const PATIENCE: Patience =
    Patience { failures: 1, wait: Duration::from_millis(100), wait_max: Duration::from_secs(10) };

/// A line, and who is told when it breaks and when it holds again.
pub(crate) struct RedisLine {
    manager: ConnectionManager,
    /// What it is for, in metrics.
    name: &'static str,
    breaker: Breaker,
    /// Whether it was told how Redis is.
    told: AtomicBool,
    tell: fn(Result<(), &str>),
}

impl std::fmt::Debug for RedisLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("RedisLine").finish_non_exhaustive()
    }
}

impl RedisLine {
    /// Takes the address; connects at the first question. Needs a tokio runtime.
    pub(crate) fn new(url: &str, name: &'static str, tell: fn(Result<(), &str>)) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        let manager = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        Ok(Self { manager, name, breaker: Breaker::new(PATIENCE), told: AtomicBool::new(false), tell })
    }

    /// The answer to a question; `None` when Redis does not answer now.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>,
    ) -> Option<T> {
        self.breaker.admit(Instant::now()).ok()?;
        let mut manager = self.manager.clone();
        let problem = match tokio::time::timeout(ANSWER_TIMEOUT, question(&mut manager)).await {
            Ok(Ok(answer)) => {
                if self.breaker.succeed() | !self.told.swap(true, Ordering::Relaxed) {
                    self.tell(Ok(()));
                }
                return Some(answer);
            }
            Ok(Err(error)) => error.category().to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        if self.breaker.fail(Instant::now()) {
            self.told.store(true, Ordering::Relaxed);
            self.tell(Err(&problem));
        }
        None
    }

    fn tell(&self, state: Result<(), &str>) {
        show_breaker(self.name, state.is_err());
        (self.tell)(state);
    }
}
