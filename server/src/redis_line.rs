//! A line to Redis that never holds anybody up: questions have a short time, and while Redis does not answer only one after each
//! pause is asked at all.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};

/// Longest wait for an answer; then whoever asked does without.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(150);

/// Longest wait for a connection. It goes on after the call that asked for it was answered otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The first and the longest pause after Redis did not answer; pauses double.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// A line, and who is told when it breaks and when it holds again.
pub(crate) struct RedisLine {
    manager: ConnectionManager,
    state: Mutex<State>,
    tell: fn(Result<(), &str>),
}

#[derive(Debug)]
struct State {
    /// `None` before the first answer.
    answers: Option<bool>,
    ask_at: Instant,
    pause: Duration,
}

impl std::fmt::Debug for RedisLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("RedisLine").finish_non_exhaustive()
    }
}

impl RedisLine {
    /// Takes the address; connects at the first question. Needs a tokio runtime.
    pub(crate) fn new(url: &str, tell: fn(Result<(), &str>)) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        let manager = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        let state = Mutex::new(State { answers: None, ask_at: Instant::now(), pause: PAUSES.0 });
        Ok(Self { manager, state, tell })
    }

    /// The answer to a question; `None` when Redis does not answer now.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>,
    ) -> Option<T> {
        if !self.may_ask() {
            return None;
        }
        let mut manager = self.manager.clone();
        match tokio::time::timeout(ANSWER_TIMEOUT, question(&mut manager)).await {
            Ok(Ok(answer)) => {
                self.answered();
                return Some(answer);
            }
            Ok(Err(error)) => self.failed(error.category()),
            Err(_) => self.failed("no answer in time"),
        }
        None
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether Redis may be asked now. While it does not answer, one question after each pause tries.
    fn may_ask(&self) -> bool {
        let mut state = self.state();
        if state.answers != Some(false) {
            return true;
        }
        let now = Instant::now();
        let due = now >= state.ask_at;
        if due {
            state.ask_at = now + state.pause;
        }
        due
    }

    fn answered(&self) {
        let mut state = self.state();
        if state.answers != Some(true) {
            (self.tell)(Ok(()));
        }
        state.answers = Some(true);
        state.pause = PAUSES.0;
    }

    fn failed(&self, problem: &str) {
        let mut state = self.state();
        if state.answers == Some(false) {
            state.pause = (state.pause * 2).min(PAUSES.1);
        } else {
            (self.tell)(Err(problem));
        }
        state.answers = Some(false);
        state.ask_at = Instant::now() + state.pause;
    }
}
