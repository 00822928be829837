//! A request's body that has to come in time: a body that drips would hold its connection for ever.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

/// A body was not there in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not come in time")]
struct TooSlow;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that fails once its time is over.
struct Timely {
    inner: Incoming,
    until: Pin<Box<Sleep>>,
}

/// The body of a request, which may take so long as a whole.
pub(super) fn timely(body: Incoming, longest: Duration) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    Body::new(Timely { inner: body, until: Box::pin(sleep(longest)) })
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => self.until.as_mut().poll(context).map(|()| Some(Err(TooSlow.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
