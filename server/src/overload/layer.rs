//! The bound in front of a face, as a layer.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{Admitted, Load};
use crate::access::{Need, Rendering};

/// Refuses calls while the server does not keep up, but for what is open to everybody: health.
pub struct ShedLayer<R> {
    load: Arc<Load>,
    rendering: PhantomData<fn() -> R>,
}

impl<R> ShedLayer<R> {
    /// In front of the face of that rendering.
    #[must_use]
    pub const fn new(load: Arc<Load>) -> Self {
        Self { load, rendering: PhantomData }
    }
}

impl<R> Clone for ShedLayer<R> {
    fn clone(&self) -> Self {
        Self::new(self.load.clone())
    }
}

impl<R> fmt::Debug for ShedLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShedLayer")
    }
}

impl<R, S> Layer<S> for ShedLayer<R> {
    type Service = Shedding<R, S>;

    fn layer(&self, inner: S) -> Shedding<R, S> {
        Shedding { inner, load: self.load.clone(), rendering: PhantomData }
    }
}

/// A face behind the bound.
pub struct Shedding<R, S> {
    inner: S,
    load: Arc<Load>,
    rendering: PhantomData<fn() -> R>,
}

impl<R, S: Clone> Clone for Shedding<R, S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), load: self.load.clone(), rendering: PhantomData }
    }
}

impl<R, S> fmt::Debug for Shedding<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shedding")
    }
}

impl<R, S, B> Service<Request<B>> for Shedding<R, S>
where
    R: Rendering,
    S: Service<Request<B>, Response = Response<R::Body>>,
{
    type Response = Response<R::Body>;
    type Error = S::Error;
    type Future = Answer<S::Future, R::Body>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if matches!(R::need(&request), Need::Open) {
            return Answer::Admitted { answer: self.inner.call(request), admitted: None };
        }
        match self.load.admit() {
            Ok(admitted) => Answer::Admitted { answer: self.inner.call(request), admitted: Some(admitted) },
            Err(refusal) => Answer::Refused { answer: Some(R::refuse(&request, refusal)) },
        }
    }
}

pin_project! {
    /// A call under way, or its refusal.
    #[project = AnswerProjection]
    pub enum Answer<F, B> {
        /// Taken in.
        Admitted { #[pin] answer: F, admitted: Option<Admitted> },
        /// Refused.
        Refused { answer: Option<Response<B>> },
    }
}

impl<F, B, E> Future for Answer<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnswerProjection::Admitted { answer, admitted } => {
                let answer = ready!(answer.poll(context));
                drop(admitted.take());
                Poll::Ready(answer)
            }
            AnswerProjection::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                // Polled again after its end.
                None => Poll::Pending,
            },
        }
    }
}
