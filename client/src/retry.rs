//! One call, several attempts, one deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::{Backoff, ClientError};

/// How a call is tried.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// Attempts at most, the first included; at least one is made.
    pub(crate) attempts_max: u32,
    /// The time over all attempts and waits.
    pub(crate) deadline: Duration,
    /// The waits between two attempts.
    pub(crate) backoff: Backoff,
}

/// Calls `attempt` with the time that is left until it succeeds, fails for good, or the attempts or the deadline are
/// used up. `expired` makes the error of the deadline. A wait that would outlast the deadline is not begun: the last error
/// says more than "too late".
///
/// Cancel-safe: dropping it drops the attempt under way.
pub(crate) async fn retry<T, Attempt>(
    mut policy: Policy,
    mut attempt: impl FnMut(Duration) -> Attempt,
    expired: impl Fn() -> ClientError,
) -> Result<T, ClientError>
where
    Attempt: Future<Output = Result<T, ClientError>>,
{
    let end = Instant::now() + policy.deadline;
    let mut attempts = 1;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let error = match timeout_at(end, attempt(left)).await {
            Err(_) => return Err(expired()),
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
        };
        let jittered = policy.backoff.next_wait(rand::random::<f64>());
        let wait = error.retry_after().unwrap_or(Duration::ZERO).max(jittered);
        if !error.is_retryable() || attempts >= policy.attempts_max || Instant::now() + wait >= end {
            return Err(error);
        }
        attempts += 1;
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tonic::Code;

    use super::*;

    fn policy(attempts_max: u32) -> Policy {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        Policy { attempts_max, deadline: Duration::from_secs(5), backoff }
    }

    fn refused(code: Code, retry_after: Option<Duration>) -> ClientError {
        ClientError::Refused {
            code,
            reason: String::new(),
            message: "no".to_owned(),
            remedy: None,
            retry_after,
        }
    }

    fn expired() -> ClientError {
        ClientError::DeadlineExceeded { server: "http://x".to_owned(), deadline: Duration::from_secs(5) }
    }

    /// Fails with `error` until the attempt of number `succeeds_at`; answers the result, the attempts and the time.
    async fn run(
        attempts_max: u32,
        succeeds_at: u32,
        error: impl Fn() -> ClientError,
    ) -> (Result<u32, ClientError>, u32, Duration) {
        let count = Cell::new(0);
        let begin = Instant::now();
        let attempt = |_| {
            count.set(count.get() + 1);
            let outcome = if count.get() >= succeeds_at { Ok(count.get()) } else { Err(error()) };
            async { outcome }
        };
        let outcome = retry(policy(attempts_max), attempt, expired).await;
        (outcome, count.get(), begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_succeeds_at_the_third_attempt_succeeds() {
        let (outcome, _, waited) = run(4, 3, || refused(Code::Unavailable, None)).await;
        assert_eq!(outcome.ok(), Some(3));
        assert!((150..=302).contains(&waited.as_millis()), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded_and_the_last_error_is_told() {
        let (outcome, attempts, _) = run(4, 100, || refused(Code::Unavailable, None)).await;
        assert_eq!(attempts, 4);
        assert_eq!(outcome.map_err(|error| error.to_string()), Err("no".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_mended_is_not_tried_again() {
        let (_, attempts, waited) = run(4, 100, || refused(Code::NotFound, None)).await;
        assert_eq!((attempts, waited), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn the_servers_wish_outranks_the_back_off_but_not_the_deadline() {
        let (outcome, attempts, waited) =
            run(4, 2, || refused(Code::Unavailable, Some(Duration::from_secs(2)))).await;
        assert_eq!((outcome.ok(), attempts), (Some(2), 2));
        assert!(waited >= Duration::from_secs(2), "{waited:?}");
        let (_, attempts, waited) =
            run(4, 2, || refused(Code::Unavailable, Some(Duration::from_secs(9)))).await;
        assert_eq!((attempts, waited), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_hangs_ends_at_the_deadline() {
        let begin = Instant::now();
        let outcome = retry(policy(4), |_| std::future::pending::<Result<(), ClientError>>(), expired).await;
        assert!(matches!(outcome, Err(ClientError::DeadlineExceeded { .. })));
        assert_eq!(begin.elapsed().as_secs(), 5);
    }
}
