//! The decision in front of a face, as a layer.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::cors;
use super::fence::{Fence, Visitor};
use crate::reason::Refusal;

/// How a face is asked by browsers.
pub trait Face: Send + Sync + 'static {
    /// The body of its answers.
    type Body: Default;

    /// Whether a browser could have sent the request; what could not come from one is passed on as it is.
    fn is_of_browser<B>(request: &Request<B>) -> bool;

    /// The answer that refuses.
    fn refuse<B>(request: &Request<B>, refusal: Refusal) -> Response<Self::Body>;
}

/// Puts the fence in front of a face.
pub struct FenceLayer<F> {
    fence: Arc<Fence>,
    face: PhantomData<fn() -> F>,
}

impl<F> FenceLayer<F> {
    /// In front of that face.
    #[must_use]
    pub fn new(fence: Fence) -> Self {
        Self { fence: Arc::new(fence), face: PhantomData }
    }
}

impl<F> Clone for FenceLayer<F> {
    fn clone(&self) -> Self {
        Self { fence: self.fence.clone(), face: PhantomData }
    }
}

impl<F> fmt::Debug for FenceLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fence.fmt(f)
    }
}

impl<F, S> Layer<S> for FenceLayer<F> {
    type Service = Fenced<F, S>;

    fn layer(&self, inner: S) -> Fenced<F, S> {
        Fenced { inner, fence: self.fence.clone(), face: PhantomData }
    }
}

/// A face behind the fence.
pub struct Fenced<F, S> {
    inner: S,
    fence: Arc<Fence>,
    face: PhantomData<fn() -> F>,
}

impl<F, S: Clone> Clone for Fenced<F, S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), fence: self.fence.clone(), face: PhantomData }
    }
}

impl<F, S> fmt::Debug for Fenced<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fence.fmt(f)
    }
}

impl<F, S, B> Service<Request<B>> for Fenced<F, S>
where
    F: Face,
    S: Service<Request<B>, Response = Response<F::Body>>,
{
    type Response = Response<F::Body>;
    type Error = S::Error;
    type Future = Answer<S::Future, F::Body>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !F::is_of_browser(&request) {
            return Answer::Passed { answer: self.inner.call(request) };
        }
        match self.fence.look(request.headers(), request.uri()) {
            Ok(Visitor::Own) => Answer::Passed { answer: self.inner.call(request) },
            Ok(Visitor::Page(origin)) if cors::is_preflight(&request) => {
                Answer::Ready { answer: Some(cors::preflight(request.headers(), origin)) }
            }
            Ok(Visitor::Page(origin)) => {
                Answer::Dressed { answer: self.inner.call(request), origin: Some(origin) }
            }
            Err(refusal) => Answer::Ready { answer: Some(F::refuse(&request, refusal)) },
        }
    }
}

pin_project! {
    /// The answer on its way.
    #[project = AnswerState]
    pub enum Answer<F, B> {
        Passed { #[pin] answer: F },
        Dressed { #[pin] answer: F, origin: Option<HeaderValue> },
        Ready { answer: Option<Response<B>> },
    }
}

impl<F, B, E> Future for Answer<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnswerState::Passed { answer } => answer.poll(context),
            AnswerState::Dressed { answer, origin } => {
                let mut answer = ready!(answer.poll(context))?;
                if let Some(origin) = origin.take() {
                    cors::dress(answer.headers_mut(), origin);
                }
                Poll::Ready(Ok(answer))
            }
            AnswerState::Ready { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                // Polled after its end, which no executor does.
                None => Poll::Pending,
            },
        }
    }
}
