//! The short way of a unary call that is as usual: its request one message in one frame, neither it nor the answer packed.
//! Whatever is unusual about a request is left to the general way, which is handed the body as it came.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::{self, HeaderMap, HeaderValue, header};
use bytes::{BufMut, Bytes, BytesMut};
use http_body::{Body as _, Frame};
use prost::Message;
use tonic::body::Body;
use tonic::{Code, Request, Status};

use super::codec::Reply;
use crate::headers::{GRPC_ACCEPT_ENCODING, GRPC_ENCODING, GRPC_STATUS};

/// A byte that says whether a message is packed, and its length in four.
pub(super) const HEAD_BYTES: usize = 5;

/// Puts the head of a message that is not packed.
pub(super) fn put_head(length: usize, buffer: &mut BytesMut) {
    buffer.put_u8(0);
    // No message here comes near four gigabytes.
    buffer.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

/// A frame of a request's body, or its end, as it came.
type Came = Option<Result<Frame<Bytes>, Status>>;

/// Reads the message of a request that is as usual. Safe to cancel: the call ends then.
///
/// # Errors
/// Gives a request back that is not, with all of its body.
pub(super) async fn read<R: Message + Default>(
    request: http::Request<Body>,
    bytes_max: usize,
) -> Result<Request<R>, http::Request<Body>> {
    let headers = request.headers();
    if headers.contains_key(&GRPC_ENCODING) || headers.contains_key(&GRPC_ACCEPT_ENCODING) {
        return Err(request);
    }
    let (parts, mut body) = request.into_parts();
    let first = next(&mut body).await;
    let message = match &first {
        Some(Ok(frame)) => frame.data_ref().and_then(|bytes| whole::<R>(bytes, bytes_max)),
        _ => None,
    };
    let Some(message) = message else {
        return Err(http::Request::from_parts(parts, again([Some(first), None], body)));
    };
    if !body.is_end_stream() {
        let second = next(&mut body).await;
        if second.is_some() {
            return Err(http::Request::from_parts(parts, again([Some(first), Some(second)], body)));
        }
    }
    Ok(Request::from_http(http::Request::from_parts(parts, message)))
}

async fn next(body: &mut Body) -> Came {
    std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

/// The message that these bytes are, if they are one and no more.
fn whole<R: Message + Default>(bytes: &Bytes, bytes_max: usize) -> Option<R> {
    let (head, message) = bytes.split_at_checked(HEAD_BYTES)?;
    let length = u32::from_be_bytes(head.get(1..)?.try_into().ok()?) as usize;
    if head.first() != Some(&0) || length != message.len() || length > bytes_max {
        return None;
    }
    R::decode(message).ok()
}

/// A body of which some was read.
fn again(came: [Option<Came>; 2], rest: Body) -> Body {
    Body::new(Again { came: came.into_iter(), rest })
}

struct Again {
    came: std::array::IntoIter<Option<Came>, 2>,
    rest: Body,
}

impl http_body::Body for Again {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Came> {
        match self.came.next() {
            Some(Some(came)) => Poll::Ready(came),
            _ => Pin::new(&mut self.rest).poll_frame(context),
        }
    }
}

/// The response to a call that was answered.
pub(super) fn answer<M: Message>(reply: &Reply<M>) -> http::Response<Body> {
    let length = reply.len();
    let mut buffer = BytesMut::with_capacity(HEAD_BYTES + length);
    put_head(length, &mut buffer);
    reply.put(&mut buffer);
    let mut response = http::Response::new(Body::new(AnswerBody::Whole(buffer.freeze())));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// One message and the status that says that it is all.
enum AnswerBody {
    Whole(Bytes),
    Status,
    Over,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Came> {
        let (frame, next) = match std::mem::replace(&mut *self, Self::Over) {
            Self::Whole(bytes) => (Frame::data(bytes), Self::Status),
            Self::Status => {
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert(GRPC_STATUS.clone(), HeaderValue::from(Code::Ok as i32));
                (Frame::trailers(trailers), Self::Over)
            }
            Self::Over => return Poll::Ready(None),
        };
        *self = next;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Over)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use kline::Interval;
    use proto::v1;
    use tonic::Response;
    use tonic::server::Grpc;

    use super::*;
    use crate::encoded::Encoded;
    use crate::grpc::codec::AnswerCodec;
    use crate::selection::Selection;
    use crate::subscribers::Published;
    use crate::testing;

    /// A body that comes in these frames.
    struct Frames(VecDeque<Frame<Bytes>>);

    impl http_body::Body for Frames {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Came> {
            Poll::Ready(self.0.pop_front().map(Ok))
        }
    }

    fn request(frames: &[&[u8]]) -> http::Request<Body> {
        let frames = frames.iter().map(|bytes| Frame::data(Bytes::copy_from_slice(bytes))).collect();
        http::Request::new(Body::new(Frames(frames)))
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut buffer = BytesMut::new();
        put_head(message.len(), &mut buffer);
        buffer.put_slice(message);
        buffer.to_vec()
    }

    fn asked() -> v1::PredictRequest {
        v1::PredictRequest { symbol: "BTCUSDT".to_owned(), ..<_>::default() }
    }

    #[tokio::test]
    async fn a_message_in_one_frame_is_read_with_its_headers() {
        let mut request = request(&[&framed(&asked().encode_to_vec())]);
        request.headers_mut().insert("grpc-timeout", HeaderValue::from_static("1S"));
        let read = read::<v1::PredictRequest>(request, 100).await.expect("as usual");
        assert_eq!(read.metadata().get("grpc-timeout").expect("a header"), "1S");
        assert_eq!(read.into_inner(), asked());
    }

    #[tokio::test]
    async fn whatever_is_unusual_is_given_back_as_it_came() {
        let message = framed(&asked().encode_to_vec());
        let (first, second) = message.split_at(7);
        let mut packed = message.clone();
        packed[0] = 1;
        let mut longer = message.clone();
        longer.push(0);
        let long = framed(&[0; 101]);
        let unusual: [&[&[u8]]; 9] = [
            &[],
            &[b""],
            &[first],
            &[first, second],
            &[&message, &message],
            &[&message, b""],
            &[&packed],
            &[&longer],
            &[&long],
        ];
        for frames in unusual {
            let back = read::<v1::PredictRequest>(request(frames), 100).await.expect_err("unusual");
            let mut body = back.into_body();
            for frame in frames {
                let came = next(&mut body).await.expect("a frame").expect("no error");
                assert_eq!(came.into_data().expect("data"), *frame);
            }
            assert!(next(&mut body).await.is_none());
        }
        for header in [&GRPC_ENCODING, &GRPC_ACCEPT_ENCODING] {
            let mut request = request(&[&message]);
            request.headers_mut().insert(header.clone(), HeaderValue::from_static("gzip"));
            assert!(read::<v1::PredictRequest>(request, 100).await.is_err());
        }
    }

    /// Headers, the bytes of all frames, and trailers.
    async fn seen(response: http::Response<Body>) -> (HeaderMap, Bytes, HeaderMap) {
        let (parts, mut body) = response.into_parts();
        let (mut bytes, mut trailers) = (BytesMut::new(), None);
        while let Some(frame) = next(&mut body).await {
            match frame.expect("no error").into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        (parts.headers, bytes.freeze(), trailers.expect("trailers"))
    }

    #[tokio::test]
    async fn the_short_way_answers_what_the_general_way_answers() {
        let encoded = Arc::new(Encoded::new(Arc::new(testing::prediction("BTCUSDT", 5, 2)), Interval::M15));
        let published = Published { encoded, place: None, token: "".into() };
        for message in [false, true] {
            let reply = || match message {
                true => Reply::Message(v1::PredictResponse::default()),
                false => Reply::published(&published, Selection::ALL, 3, "".into()),
            };
            let codec = AnswerCodec::<v1::PredictResponse, v1::PredictRequest>::default();
            let call = tower::service_fn(|_: Request<v1::PredictRequest>| {
                let reply = reply();
                async move { Ok::<_, Status>(Response::new(reply)) }
            });
            let general = Grpc::new(codec).unary(call, request(&[&framed(b"")])).await;
            assert_eq!(seen(answer(&reply())).await, seen(general).await);
        }
    }
}
