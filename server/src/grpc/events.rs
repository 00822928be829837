//! The events of `klinecast.v1.PredictionService.Subscribe`.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::Stream;
use proto::v1;
use tonic::Status;

use super::codec::Reply;
use crate::access::Lease;
use crate::convert;
use crate::reason::{Reason, Refusal};
use crate::service::{Announcement, Delivery, Event, Service, Subscription, SubscriptionRequest};
use crate::telemetry::metrics as names;

/// What a subscriber is sent.
pub(super) type Events =
    Pin<Box<dyn Stream<Item = Result<Reply<v1::SubscribeResponse>, Status>> + Send + 'static>>;

/// Events that were opened, until something reads them.
#[derive(Clone, Default)]
pub(super) struct Opened(Arc<Mutex<Option<Events>>>);

impl Opened {
    fn lock(&self) -> MutexGuard<'_, Option<Events>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, events: Events) {
        *self.lock() = Some(events);
    }

    pub(super) fn take(&self) -> Option<Events> {
        self.lock().take()
    }
}

impl Stream for Opened {
    type Item = Result<Reply<v1::SubscribeResponse>, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.lock().as_mut().map_or(Poll::Ready(None), |events| events.as_mut().poll_next(context))
    }
}

/// Opens a subscription, which lasts as long as the right to it.
pub(super) async fn open(
    service: &Service,
    request: v1::SubscribeRequest,
    lease: Lease,
) -> Result<Events, Refusal> {
    let delivery = match v1::Delivery::try_from(request.delivery) {
        Ok(v1::Delivery::Unspecified | v1::Delivery::Bounded) => Delivery::Bounded,
        Ok(v1::Delivery::Lossless) => Delivery::Lossless,
        Ok(v1::Delivery::Conflating) => Delivery::Conflating,
        Err(_) => {
            let value = request.delivery;
            let message = format!("delivery {value} is none of the contract's");
            return Err(Refusal::new(Reason::MalformedRequest, message).with("delivery", value));
        }
    };
    let request = SubscriptionRequest {
        symbols: request.symbols,
        tasks: request.tasks,
        interval: request.interval,
        latest_first: request.latest_first,
        after_bar_time_ms: (request.after_bar_time_ms != 0).then_some(request.after_bar_time_ms),
        resume_token: request.resume_token,
        delivery,
        nowcasts: request.nowcasts,
    };
    let subscription = service.subscribe(&request).await?.by(lease);
    Ok(Box::pin(futures::stream::unfold(Some(subscription), next)))
}

/// The next event; a stopping server ends the stream with a status that says so, so that the caller subscribes again
/// elsewhere.
async fn next(
    subscription: Option<Subscription>,
) -> Option<(Result<Reply<v1::SubscribeResponse>, Status>, Option<Subscription>)> {
    let mut subscription = subscription?;
    let Some(Event { announcement, token }) = subscription.next().await else {
        let refusal = Refusal::new(Reason::Draining, "the server is stopping");
        let refusal = refusal.with("resume_token", subscription.token());
        return Some((Err(convert::status(&refusal)), None));
    };
    let event = match announcement {
        Announcement::Prediction(published, staleness_ms) => {
            let reply = Reply::published(&published, subscription.selection, staleness_ms, token);
            return Some((Ok(reply), Some(subscription)));
        }
        Announcement::Lagged(dropped_count) => {
            names::count_lagged(dropped_count);
            v1::subscribe_response::Event::Lagged(v1::Lagged { dropped_count })
        }
        Announcement::Heartbeat(watermark) => v1::subscribe_response::Event::Heartbeat(v1::Heartbeat {
            watermark_ms: watermark.map(kline::BarTime::milliseconds).unwrap_or_default(),
        }),
        Announcement::Ended(refusal) => return Some((Err(convert::status(&refusal)), None)),
    };
    let message = v1::SubscribeResponse { sequence: 0, resume_token: token.to_string(), event: Some(event) };
    Some((Ok(Reply::Message(message)), Some(subscription)))
}
