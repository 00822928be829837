//! The layer that follows requests, the same for gRPC and HTTP.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::MatchedPath;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::ending::{End, OK, Watch as _, Watched};
use super::request_id::REQUEST_ID;
use super::requests::{Followed, Requests};

/// Wraps a server.
#[derive(Debug, Clone)]
pub struct RequestLayer {
    requests: Requests,
    face: Face,
}

/// Which wire a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    Grpc,
    Http,
}

impl RequestLayer {
    /// A layer for a gRPC server.
    #[must_use]
    pub const fn grpc(requests: Requests) -> Self {
        Self { requests, face: Face::Grpc }
    }

    /// A layer for an HTTP router; put on it after its routes.
    #[must_use]
    pub const fn http(requests: Requests) -> Self {
        Self { requests, face: Face::Http }
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = Following<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Following { inner, requests: self.requests.clone(), face: self.face }
    }
}

/// A wrapped server.
#[derive(Debug, Clone)]
pub struct Following<S> {
    inner: S,
    requests: Requests,
    face: Face,
}

impl<S, B, R> Service<Request<B>> for Following<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Hold,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut followed = match self.face {
            Face::Grpc => self.requests.grpc(request.uri().path(), request.headers()),
            Face::Http => {
                let route = request.extensions().get::<MatchedPath>().cloned();
                self.requests.http(request.method(), route, request.headers())
            }
        };
        let inner = followed.within(|| self.inner.call(request));
        Answering { inner, followed: Some(followed), face: self.face }
    }
}

pin_project! {
    /// A request under way.
    pub struct Answering<F> {
        #[pin]
        inner: F,
        followed: Option<Followed>,
        face: Face,
    }
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Hold,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = match this.followed.as_mut() {
            Some(followed) => followed.within(|| this.inner.poll(context)),
            None => this.inner.poll(context),
        };
        let mut response = ready!(polled)?;
        let Some(followed) = this.followed.take() else { return Poll::Ready(Ok(response)) };
        if let Some(identifier) = followed.identifier() {
            response.headers_mut().insert(REQUEST_ID, identifier);
        }
        let end = match this.face {
            // Only an error without a body has its code here; of a call that is no stream nothing else can go wrong.
            Face::Grpc => End::of_grpc(response.headers()).or((!followed.is_stream).then_some(End::Grpc(OK))),
            Face::Http if is_event_stream(response.headers()) => None,
            Face::Http => Some(End::Http(response.status().as_u16())),
        };
        match end {
            Some(end) => {
                followed.end(end);
                Poll::Ready(Ok(response))
            }
            None => Poll::Ready(Ok(response.map(|body| body.hold(followed)))),
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// A body that can end a request at its own end.
pub trait Hold: Sized {
    /// The body that does so.
    #[doc(hidden)]
    fn hold(self, followed: Followed) -> Self;
}

impl Hold for tonic::body::Body {
    fn hold(self, followed: Followed) -> Self {
        Self::new(Watched::grpc(self, followed))
    }
}

impl Hold for axum::body::Body {
    fn hold(self, followed: Followed) -> Self {
        Self::new(Watched::http(self, followed))
    }
}
