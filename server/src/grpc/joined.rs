//! The body of a stream of events. What many subscribers are told together is encoded once, and all of them are sent the
//! same bytes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use prost::Message;
use proto::v1;
use tonic::Status;

use super::codec::{LEAVE_BYTES, PredictionReply, Reply};
use super::direct::{HEAD_BYTES, put_head};
use super::events::Events;

/// How many groups are kept: subscribers that ask for other symbols or tasks are told other groups of the same bar.
const KEPT_GROUPS: usize = 8;

/// The groups of events that were encoded last.
#[derive(Debug, Clone, Default)]
pub(super) struct Joined(Arc<Mutex<VecDeque<Group>>>);

#[derive(Debug)]
struct Group {
    events: Vec<PredictionReply>,
    bytes: Bytes,
}

impl Joined {
    /// The bytes of events, each a message with its head; empties `events`.
    fn bytes(&self, events: &mut Vec<PredictionReply>) -> Bytes {
        let kept = |groups: &VecDeque<Group>| {
            let group = groups.iter().find(|group| group.events == *events)?;
            Some(group.bytes.clone())
        };
        if let Some(bytes) = kept(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            events.clear();
            return bytes;
        }
        let mut buffer = BytesMut::with_capacity(events.iter().map(|event| HEAD_BYTES + event.len()).sum());
        for event in events.iter() {
            put_head(event.len(), &mut buffer);
            event.put(&mut buffer);
        }
        let bytes = buffer.freeze();
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.truncate(KEPT_GROUPS - 1);
        groups.push_front(Group { events: std::mem::take(events), bytes: bytes.clone() });
        bytes
    }
}

/// Events as the frames of a gRPC response whose messages are not packed.
pub(super) struct EventBody {
    events: Events,
    joined: Joined,
    /// Predictions that leave together.
    group: Vec<PredictionReply>,
    group_bytes: usize,
    /// A message that leaves after the group.
    message: Option<v1::SubscribeResponse>,
    /// How it ended.
    status: Option<Status>,
    is_over: bool,
}

impl EventBody {
    pub(super) fn new(events: Events, joined: Joined) -> Self {
        Self {
            events,
            joined,
            group: Vec::new(),
            group_bytes: 0,
            message: None,
            status: None,
            is_over: false,
        }
    }

    /// Takes in events until they fill a frame, another kind of event comes, or there are none; whether there is
    /// something to send.
    fn gather(&mut self, context: &mut Context<'_>) -> bool {
        while self.group_bytes < LEAVE_BYTES && self.message.is_none() && self.status.is_none() {
            match self.events.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(Reply::Prediction(event)))) => {
                    self.group_bytes += event.len();
                    self.group.push(event);
                }
                Poll::Ready(Some(Ok(Reply::Message(message)))) => self.message = Some(message),
                Poll::Ready(Some(Err(status))) => self.status = Some(status),
                Poll::Ready(None) => self.status = Some(Status::ok("")),
                Poll::Pending => return !self.group.is_empty(),
            }
        }
        true
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        if !this.gather(context) {
            return Poll::Pending;
        }
        if !this.group.is_empty() {
            this.group_bytes = 0;
            return Poll::Ready(Some(Ok(Frame::data(this.joined.bytes(&mut this.group)))));
        }
        if let Some(message) = this.message.take() {
            let length = message.encoded_len();
            let mut buffer = BytesMut::with_capacity(HEAD_BYTES + length);
            put_head(length, &mut buffer);
            message.encode_raw(&mut buffer);
            return Poll::Ready(Some(Ok(Frame::data(buffer.freeze()))));
        }
        this.is_over = true;
        let status = this.status.take().unwrap_or_else(|| Status::ok(""));
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use axum::body::HttpBody as _;
    use futures::{FutureExt as _, StreamExt as _, stream};
    use kline::Interval;

    use super::*;
    use crate::encoded::Encoded;
    use crate::selection::Selection;
    use crate::subscribers::Published;
    use crate::testing;

    type Item = Result<Reply<v1::SubscribeResponse>, Status>;

    fn published(count: u32) -> Vec<Published> {
        (0..count)
            .map(|number| {
                let made = Arc::new(testing::prediction("BTCUSDT", 5, number + 1));
                let token = format!("1.{number}.ab.0").into();
                Published { encoded: Arc::new(Encoded::new(made, Interval::M15)), place: None, token }
            })
            .collect()
    }

    fn told(published: &[Published], staleness_ms: i64) -> Vec<Item> {
        let reply = |published: &Published| {
            Ok(Reply::published(published, Selection::ALL, staleness_ms, published.token.clone()))
        };
        published.iter().map(reply).collect()
    }

    fn heartbeat() -> v1::SubscribeResponse {
        let heartbeat = v1::Heartbeat { watermark_ms: 7 };
        v1::SubscribeResponse {
            event: Some(v1::subscribe_response::Event::Heartbeat(heartbeat)),
            ..<_>::default()
        }
    }

    /// Events that come at once, and then none.
    fn body(joined: &Joined, events: Vec<Item>) -> Pin<Box<EventBody>> {
        let events = stream::iter(events).chain(stream::pending());
        Box::pin(EventBody::new(Box::pin(events), joined.clone()))
    }

    /// The next frame, if there is one now.
    fn frame(body: &mut Pin<Box<EventBody>>) -> Option<Frame<Bytes>> {
        let next = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).now_or_never();
        next.map(|frame| frame.expect("a frame").expect("no error"))
    }

    fn data(body: &mut Pin<Box<EventBody>>) -> Bytes {
        frame(body).expect("a frame").into_data().expect("data")
    }

    fn messages(mut bytes: &[u8]) -> Vec<v1::SubscribeResponse> {
        let mut messages = Vec::new();
        while let Some((head, rest)) = bytes.split_at_checked(HEAD_BYTES) {
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            assert_eq!(head[0], 0, "not packed");
            messages.push(v1::SubscribeResponse::decode(&rest[..length]).expect("a message"));
            bytes = &rest[length..];
        }
        assert!(bytes.is_empty());
        messages
    }

    #[test]
    fn those_who_are_told_the_same_are_sent_the_same_bytes() {
        let (joined, published) = (Joined::default(), published(9));
        let mut bodies: Vec<_> = (0..3).map(|_| body(&joined, told(&published, 3))).collect();
        let sent: Vec<Bytes> = bodies.iter_mut().map(data).collect();
        assert!(sent.iter().all(|bytes| bytes.as_ptr() == sent[0].as_ptr() && bytes == &sent[0]));
        let read = messages(&sent[0]);
        let tokens: Vec<_> = read.iter().map(|message| message.resume_token.clone()).collect();
        assert_eq!(tokens, published.iter().map(|told| told.token.to_string()).collect::<Vec<_>>());
        for (staleness_ms, count) in [(4, 9), (3, 8)] {
            let other = data(&mut body(&joined, told(&published[..count], staleness_ms)));
            assert_ne!(other.as_ptr(), sent[0].as_ptr());
            let read = messages(&other);
            assert_eq!(read.len(), count);
            let staleness = |message: &v1::SubscribeResponse| match &message.event {
                Some(v1::subscribe_response::Event::Prediction(prediction)) => prediction.staleness_ms,
                other => panic!("{other:?}"),
            };
            assert!(read.iter().all(|message| staleness(message) == staleness_ms));
        }
    }

    #[test]
    fn no_more_groups_are_kept_than_are_told_at_once() {
        let (joined, published) = (Joined::default(), published(2));
        for staleness_ms in 0..100 {
            data(&mut body(&joined, told(&published, staleness_ms)));
        }
        assert_eq!(joined.0.lock().expect("a lock").len(), KEPT_GROUPS);
    }

    #[test]
    fn other_events_keep_their_place_and_the_end_tells_why() {
        let published = published(2);
        let mut events = told(&published[..1], 0);
        events.push(Ok(Reply::Message(heartbeat())));
        events.extend(told(&published[1..], 0));
        events.push(Err(Status::unavailable("the server is stopping")));
        let mut body = body(&Joined::default(), events);
        let tokens = |bytes: Bytes| {
            messages(&bytes).into_iter().map(|message| message.resume_token).collect::<Vec<_>>()
        };
        assert_eq!(tokens(data(&mut body)), ["1.0.ab.0"]);
        assert_eq!(messages(&data(&mut body)), [heartbeat()]);
        assert_eq!(tokens(data(&mut body)), ["1.1.ab.0"]);
        let trailers = frame(&mut body).expect("a frame").into_trailers().expect("trailers");
        assert_eq!(trailers["grpc-status"], "14");
        assert!(body.is_end_stream());
    }

    #[test]
    fn many_events_leave_in_frames_of_a_bounded_size() {
        let published = published(40);
        let mut body = body(&Joined::default(), told(&published, 0));
        let mut read = 0;
        while let Some(frame) = frame(&mut body) {
            let bytes = frame.into_data().expect("data");
            assert!(bytes.len() < LEAVE_BYTES + 4_096);
            read += messages(&bytes).len();
        }
        assert_eq!(read, 40);
    }
}
