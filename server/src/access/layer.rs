//! The decision in front of a face, as a layer. Each face says what a request needs and how a refusal looks.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{Access, Admission, Need};
use crate::listen::Peer;
use crate::reason::Refusal;

/// How a face reads requests and shows refusals.
pub trait Rendering: Send + Sync + 'static {
    /// The body of its answers.
    type Body: Send + 'static;

    /// What a request needs.
    fn need<B>(request: &Request<B>) -> Need;

    /// Whether the answer is a stream, which may outlive the right to it.
    fn is_stream<B>(request: &Request<B>) -> bool;

    /// What a request is about, for the audit: a name of ours, never what a caller wrote.
    fn what<B>(request: &Request<B>) -> String;

    /// The answer that refuses.
    fn refuse<B>(request: &Request<B>, refusal: Refusal) -> Response<Self::Body>;

    /// How an answer is called in the audit.
    fn outcome(answer: &Response<Self::Body>) -> String;
}

/// Puts the decision in front of a face.
pub struct AccessLayer<R> {
    access: Arc<Access>,
    rendering: PhantomData<fn() -> R>,
}

impl<R> AccessLayer<R> {
    /// In front of the face of that rendering.
    #[must_use]
    pub const fn new(access: Arc<Access>) -> Self {
        Self { access, rendering: PhantomData }
    }
}

impl<R> Clone for AccessLayer<R> {
    fn clone(&self) -> Self {
        Self::new(self.access.clone())
    }
}

impl<R> fmt::Debug for AccessLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessLayer")
    }
}

impl<R, S> Layer<S> for AccessLayer<R> {
    type Service = Guarded<R, S>;

    fn layer(&self, inner: S) -> Guarded<R, S> {
        Guarded { inner, access: self.access.clone(), rendering: PhantomData }
    }
}

/// A face behind the decision.
pub struct Guarded<R, S> {
    inner: S,
    access: Arc<Access>,
    rendering: PhantomData<fn() -> R>,
}

impl<R, S: Clone> Clone for Guarded<R, S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), access: self.access.clone(), rendering: PhantomData }
    }
}

impl<R, S> fmt::Debug for Guarded<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded")
    }
}

impl<R, S, B> Service<Request<B>> for Guarded<R, S>
where
    R: Rendering,
    S: Service<Request<B>, Response = Response<R::Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send,
    B: Send + 'static,
{
    type Response = Response<R::Body>;
    type Error = S::Error;
    type Future = Answer<S::Future, R::Body, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let need = R::need(&request);
        if self.access.credentials().are_configured() && R::is_stream(&request) {
            let lease = self.access.lease(need, request.headers(), request.extensions().get());
            request.extensions_mut().insert(lease.unwrap_or_default());
        }
        let peer = request.extensions().get::<Peer>();
        match self.access.admit(need, &|| R::what(&request), request.headers(), peer) {
            Admission::Pass => Answer::Passed { answer: self.inner.call(request) },
            Admission::Refused(refusal) => Answer::Ready { answer: Some(R::refuse(&request, *refusal)) },
            Admission::Consider(caller) => {
                // The service that was found ready is the one that is called.
                let ready = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, ready);
                let considered = considered::<R, S, B>(self.access.clone(), inner, request, (caller, need));
                Answer::Considered { answer: Box::pin(considered) }
            }
        }
    }
}

async fn considered<R, S, B>(
    access: Arc<Access>,
    mut inner: S,
    mut request: Request<B>,
    (caller, need): (super::Caller, Need),
) -> Result<Response<R::Body>, S::Error>
where
    R: Rendering,
    S: Service<Request<B>, Response = Response<R::Body>>,
{
    let what = R::what(&request);
    let watched = match access.consider(caller, need, &what).await {
        Ok(watched) => watched,
        Err(refusal) => return Ok(R::refuse(&request, refusal)),
    };
    let Some(watched) = watched else { return inner.call(request).await };
    request.extensions_mut().insert(watched.note());
    let answer = inner.call(request).await?;
    watched.end(&R::outcome(&answer)).await;
    Ok(answer)
}

type Boxed<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

pin_project! {
    /// The answer on its way: at once from the face, where nothing has to be waited for, and without an allocation.
    #[project = AnswerState]
    pub enum Answer<F, B, E> {
        Passed { #[pin] answer: F },
        Ready { answer: Option<Response<B>> },
        Considered { answer: Boxed<B, E> },
    }
}

impl<F, B, E> Future for Answer<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnswerState::Passed { answer } => answer.poll(context),
            AnswerState::Ready { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                // Polled after its end, which no executor does.
                None => Poll::Pending,
            },
            AnswerState::Considered { answer } => answer.as_mut().poll(context),
        }
    }
}
