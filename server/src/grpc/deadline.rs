//! How long a caller waits. A call whose time is over, or is far shorter than such calls take, is refused before it is worked
//! for: its answer would reach nobody.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Request, Response};
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::convert;
use crate::headers::{GRPC_STATUS, GRPC_TIMEOUT};
use crate::reason::{Reason, Refusal};

/// The time that the header `grpc-timeout` gives a call, as the gRPC protocol writes it: up to eight digits and a unit.
/// `None` if there is none that can be read.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// How long a whole call may take, streams excepted: reloading a bundle is the longest.
const CALL_MAX: Duration = Duration::from_secs(120);

/// The methods that may take long: what they take is measured.
const SLOW: [&str; 10] = [
    "/klinecast.v1.PredictionService/PredictAsOf",
    "/klinecast.v1.PredictionService/ListPredictions",
    "/klinecast.v1.StatusService/GetScorecard",
    "/klinecast.v1.JournalService/ReplayPrediction",
    "/klinecast.v1.MarketService/FollowSymbols",
    "/klinecast.v1.ModelService/ReloadModels",
    "/klinecast.v1.ModelService/PromoteModel",
    "/klinecast.v1.ModelService/RollBackModel",
    "/inference.GRPCInferenceService/ModelInfer",
    "/inference.GRPCInferenceService/RepositoryModelLoad",
];

/// What calls of a method took lately: a mean in nanoseconds in which the last call counts for an eighth.
#[derive(Debug, Default)]
struct Usual(AtomicU64);

impl Usual {
    fn took(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // Whatever another call writes meanwhile may be lost: it is an estimate.
        let mean = self.0.load(Ordering::Relaxed);
        let next = if mean == 0 { took } else { mean - mean / 8 + took / 8 };
        self.0.store(next, Ordering::Relaxed);
    }

    /// Whether a call that is allowed so long is worth its work. Each refusal makes the estimate a little smaller, so that a
    /// method that was slow once is tried again.
    fn allows(&self, allowed: Duration) -> bool {
        let mean = self.0.load(Ordering::Relaxed);
        let fits = allowed >= Duration::from_nanos(mean / 2);
        if !fits {
            self.0.store(mean - mean / 16, Ordering::Relaxed);
        }
        fits
    }
}

/// Refuses calls that cannot be answered in their time.
#[derive(Debug, Clone, Default)]
pub(super) struct DeadlineLayer(Arc<[Usual; SLOW.len()]>);

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadlines<S>;

    fn layer(&self, inner: S) -> Deadlines<S> {
        Deadlines { inner, usual: self.0.clone() }
    }
}

/// A gRPC server that looks at deadlines.
#[derive(Debug, Clone)]
pub(super) struct Deadlines<S> {
    inner: S,
    usual: Arc<[Usual; SLOW.len()]>,
}

impl<S> Service<Request<Body>> for Deadlines<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let slow = SLOW.iter().position(|path| *path == request.uri().path());
        if let Some(allowed) = timeout(request.headers())
            && (allowed.is_zero() || slow.is_some_and(|at| !self.usual[at].allows(allowed)))
        {
            let message = format!("{allowed:?} are allowed, which is over or far less than such calls take");
            let refusal = Refusal::new(Reason::DeadlineTooShort, message);
            return Answer::Refused { answer: Some(convert::status(&refusal).into_http()) };
        }
        let watched = slow.map(|at| (self.usual.clone(), at, Instant::now()));
        Answer::Called { answer: self.inner.call(request), watched, end: None }
    }
}

/// The usual times, the method's place among them, when the call began.
type Watched = (Arc<[Usual; SLOW.len()]>, usize, Instant);

pin_project! {
    /// A call under way, or its refusal.
    #[project = AnswerProjection]
    pub(super) enum Answer<F> {
        Called { #[pin] answer: F, watched: Option<Watched>, end: Option<Pin<Box<Sleep>>> },
        Refused { answer: Option<Response<Body>> },
    }
}

impl<F, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnswerProjection::Called { answer, watched, end } => {
                let Poll::Ready(answer) = answer.poll(context)? else {
                    // Most calls are answered at once and need no timer.
                    let end = end.get_or_insert_with(|| Box::pin(tokio::time::sleep(CALL_MAX)));
                    ready!(end.as_mut().poll(context));
                    let message = format!("the call took longer than {CALL_MAX:?}");
                    let refusal = Refusal::new(Reason::DeadlineTooShort, message);
                    return Poll::Ready(Ok(convert::status(&refusal).into_http()));
                };
                // What was refused has not taken what an answer takes.
                if let Some((usual, at, began)) = watched.take()
                    && !answer.headers().contains_key(&GRPC_STATUS)
                {
                    usual[at].took(began.elapsed());
                }
                Poll::Ready(Ok(answer))
            }
            AnswerProjection::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                // Polled again after its end.
                None => Poll::Pending,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_timeout_is_read_in_every_unit_and_anything_else_is_none() {
        let read = |text: &'static str| {
            timeout(&HeaderMap::from_iter([(
                HeaderName::from_static("grpc-timeout"),
                HeaderValue::from_static(text),
            )]))
        };
        assert_eq!(read("2H"), Some(Duration::from_secs(7_200)));
        assert_eq!(read("99999999M"), Some(Duration::from_secs(99_999_999 * 60)));
        assert_eq!(read("1S"), Some(Duration::from_secs(1)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("7u"), Some(Duration::from_micros(7)));
        assert_eq!(read("0n"), Some(Duration::ZERO));
        for text in ["", "m", "5", "123456789m", "-1m", "+1m", "1.5S", "1s", "1 m"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(timeout(&HeaderMap::new()), None);
    }

    #[test]
    fn what_takes_long_is_refused_early_and_tried_again_after_a_while() {
        let usual = Usual::default();
        assert!(usual.allows(Duration::from_nanos(1)), "nothing is known yet");
        for _ in 0..50 {
            usual.took(Duration::from_secs(2));
        }
        assert!(usual.allows(Duration::from_millis(1_001)));
        let refused = (0..1_000).take_while(|_| !usual.allows(Duration::from_millis(500))).count();
        assert!((5..50).contains(&refused), "{refused}");
    }

    #[test]
    fn the_slow_methods_are_methods() {
        for path in SLOW {
            assert!(crate::access::table::method(path).is_some(), "{path}");
        }
    }
}
