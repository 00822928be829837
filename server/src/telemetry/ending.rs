//! How a request ends, and bodies that tell who watches it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use axum::http::HeaderMap;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::headers::GRPC_STATUS;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With this gRPC code; one that does not exist is [`UNKNOWN`].
    Grpc(usize),
    /// With this HTTP status.
    Http(u16),
    /// The caller has gone.
    Gone,
}

/// The gRPC code of a call that was answered.
pub(super) const OK: usize = 0;

/// The gRPC code of a call that its caller left.
pub(super) const CANCELLED: usize = 1;

/// The gRPC code of what has none.
const UNKNOWN: usize = 2;

/// The gRPC codes by their numbers, as OpenTelemetry writes them.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Codes that are the server's failure and not the caller's, by OpenTelemetry's conventions for servers.
const FAILURES: [&str; 6] =
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];

impl End {
    /// The end that stands among headers or trailers of a gRPC call.
    pub(super) fn of_grpc(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get(&GRPC_STATUS)?.to_str().ok()?.parse().ok();
        Some(Self::Grpc(code.filter(|code| *code < CODES.len()).unwrap_or(UNKNOWN)))
    }

    /// The gRPC code's name; empty over HTTP.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Grpc(number) => CODES.get(number).copied().unwrap_or(CODES[UNKNOWN]),
            Self::Http(_) => "",
            Self::Gone => CODES[CANCELLED],
        }
    }

    /// Whether the server has failed.
    pub(super) fn is_failure(self) -> bool {
        match self {
            Self::Grpc(_) => FAILURES.contains(&self.code()),
            Self::Http(status) => status >= 500,
            Self::Gone => false,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "{status}"),
            Self::Grpc(_) | Self::Gone => f.write_str(self.code()),
        }
    }
}

/// Who follows a request to its end. One who is dropped before has seen its caller go.
pub(super) trait Watch: Unpin {
    /// Makes a part of the answer.
    fn within<T>(&mut self, make: impl FnOnce() -> T) -> T {
        make()
    }

    /// The request has ended.
    fn end(self, end: End);
}

/// A body whose end is a request's.
pub(super) struct Watched<B, W> {
    inner: B,
    watch: Option<W>,
    /// The end if no trailer says another, and if the body fails.
    ends: [End; 2],
}

impl<B, W> Watched<B, W> {
    /// The body of a gRPC stream.
    pub(super) const fn grpc(inner: B, watch: W) -> Self {
        Self { inner, watch: Some(watch), ends: [End::Grpc(OK), End::Grpc(UNKNOWN)] }
    }

    /// The body of a stream over HTTP.
    pub(super) const fn http(inner: B, watch: W) -> Self {
        Self { inner, watch: Some(watch), ends: [End::Http(200), End::Http(500)] }
    }
}

impl<B, W> HttpBody for Watched<B, W>
where
    B: HttpBody<Data = Bytes> + Unpin,
    W: Watch,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Self { inner, watch, ends: [at_end, at_error] } = &mut *self;
        let polled = match watch {
            Some(watch) => watch.within(|| Pin::new(inner).poll_frame(context)),
            None => Pin::new(inner).poll_frame(context),
        };
        let frame = ready!(polled);
        let end = match &frame {
            Some(Ok(frame)) => frame.trailers_ref().map(|trailers| End::of_grpc(trailers).unwrap_or(*at_end)),
            Some(Err(_)) => Some(*at_error),
            None => Some(*at_end),
        };
        if let Some(end) = end
            && let Some(watch) = watch.take()
        {
            watch.end(end);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::poll_fn;
    use std::rc::Rc;

    use axum::http::HeaderValue;
    use futures::FutureExt as _;

    use super::*;

    struct Frames(Vec<Result<Frame<Bytes>, &'static str>>);

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            Poll::Ready((!self.0.is_empty()).then(|| self.0.remove(0)))
        }
    }

    struct Noting(Rc<RefCell<Vec<End>>>);

    impl Watch for Noting {
        fn end(self, end: End) {
            self.0.borrow_mut().push(end);
        }
    }

    fn trailers(code: Option<&'static str>) -> Frame<Bytes> {
        let mut trailers = HeaderMap::new();
        if let Some(code) = code {
            trailers.insert(GRPC_STATUS.clone(), HeaderValue::from_static(code));
        }
        Frame::trailers(trailers)
    }

    /// How often and by which ends a body of these frames ends its request.
    fn ends(frames: Vec<Result<Frame<Bytes>, &'static str>>, is_grpc: bool) -> Vec<End> {
        let (noted, count) = (Rc::default(), frames.len());
        let watch = Noting(Rc::clone(&noted));
        let mut body = match is_grpc {
            true => Watched::grpc(Frames(frames), watch),
            false => Watched::http(Frames(frames), watch),
        };
        for _ in 0..count + 2 {
            let _ = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).now_or_never();
        }
        noted.take()
    }

    #[test]
    fn a_body_ends_its_request_once_and_says_how() {
        let data = || Ok(Frame::data(Bytes::from_static(b"x")));
        assert_eq!(ends(vec![data(), Ok(trailers(Some("14")))], true), [End::Grpc(14)]);
        assert_eq!(ends(vec![data(), Ok(trailers(None))], true), [End::Grpc(OK)]);
        assert_eq!(ends(vec![Ok(trailers(Some("99")))], true), [End::Grpc(UNKNOWN)]);
        assert_eq!(ends(vec![data(), Err("no"), data()], true), [End::Grpc(UNKNOWN)]);
        assert_eq!(ends(vec![data()], true), [End::Grpc(OK)]);
        assert_eq!(ends(vec![data(), data()], false), [End::Http(200)]);
        assert_eq!(ends(vec![data(), Err("no")], false), [End::Http(500)]);
    }
}
