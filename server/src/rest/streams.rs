//! Predictions as they are made, for browsers: server-sent events and a websocket. Both say the same; an event's id is its
//! resume token, which a browser gives back by itself after a break.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event as ServerSentEvent, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use kline::{BarTime, Interval};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::json::prediction_text;
use super::problem::{Problem, document};
use super::requests::list;
use crate::access::Lease;
use crate::reason::{Reason, Refusal, shorten};
use crate::service::{Announcement, Answered, Delivery, Event, Service, Subscription, SubscriptionRequest};
use crate::telemetry::metrics as names;

/// A websocket is asked for a sign of life this often.
const PING_EVERY: Duration = Duration::from_secs(15);

/// A websocket that gives none for so long is closed.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// The longest message that a websocket may send; nothing that it says is needed.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// The query of `GET /stream` and `GET /ws`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StreamQuery {
    /// Pairs, separated by commas; none means all.
    symbols: String,
    /// Tasks, separated by commas; none means all.
    tasks: String,
    /// The interval; none means the one that is served.
    interval: String,
    /// Whether the latest prediction of each pair comes first.
    latest: bool,
    /// Whether nowcasts are wanted too.
    nowcasts: bool,
    /// `bounded`, `lossless` or `conflating`.
    delivery: String,
    /// The token of the event to go on after.
    resume_token: String,
}

impl StreamQuery {
    fn read(self, headers: &HeaderMap) -> Result<SubscriptionRequest, Refusal> {
        let delivery = match self.delivery.as_str() {
            "" | "bounded" => Delivery::Bounded,
            "lossless" => Delivery::Lossless,
            "conflating" => Delivery::Conflating,
            other => {
                let message = format!(
                    "delivery {:?} is not known, use bounded, lossless or conflating",
                    shorten(other)
                );
                return Err(Refusal::new(Reason::MalformedRequest, message).with("delivery", shorten(other)));
            }
        };
        // What the browser has received last counts for more than what the page once wrote into the address.
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        Ok(SubscriptionRequest {
            symbols: list(&self.symbols),
            tasks: list(&self.tasks),
            interval: self.interval,
            latest_first: self.latest,
            after_bar_time_ms: None,
            resume_token: if last.is_empty() { self.resume_token } else { last.to_owned() },
            delivery,
            nowcasts: self.nowcasts,
        })
    }
}

/// What is told, by name, as JSON.
struct Told {
    name: &'static str,
    sequence: u64,
    token: String,
    data: String,
    /// Nothing comes after it.
    is_last: bool,
}

impl Told {
    fn of(event: Option<Event>, subscription: &Subscription, interval: Interval) -> Self {
        let Some(Event { announcement, token }) = event else {
            let refusal = Refusal::new(Reason::Draining, "the server is stopping");
            return Self::end(&refusal, subscription.token().to_string());
        };
        let token = token.to_string();
        let (name, sequence, data) = match announcement {
            Announcement::Prediction(published, staleness_ms) => {
                let encoded = published.encoded.clone();
                let selection = subscription.selection;
                let answered = Answered { encoded, selection, staleness_ms, explanations: None };
                ("prediction", published.sequence(), prediction_text(&answered, interval))
            }
            Announcement::Lagged(count) => {
                names::count_lagged(count);
                ("lagged", 0, json!({ "dropped_count": count }).to_string())
            }
            Announcement::Heartbeat(watermark) => {
                let watermark = watermark.map(BarTime::milliseconds);
                ("heartbeat", 0, json!({ "watermark": watermark }).to_string())
            }
            Announcement::Ended(refusal) => return Self::end(&refusal, token),
        };
        Self { name, sequence, token, data, is_last: false }
    }

    fn end(refusal: &Refusal, token: String) -> Self {
        Self { name: "problem", sequence: 0, token, data: document(refusal).to_string(), is_last: true }
    }

    /// As a server-sent event. Without a token the browser keeps the one that it has.
    fn into_event(self) -> ServerSentEvent {
        let event = ServerSentEvent::default().event(self.name).data(self.data);
        if self.token.is_empty() { event } else { event.id(self.token) }
    }

    /// As a message of a websocket.
    fn into_text(self) -> String {
        let (name, token) = (Value::from(self.name), Value::from(self.token));
        format!(
            "{{\"event\":{name},\"sequence\":{},\"resume_token\":{token},\"data\":{}}}",
            self.sequence, self.data
        )
    }
}

/// `GET /stream`: events `prediction`, `lagged`, `heartbeat`, and `problem` before the end.
pub(super) async fn events(
    State(service): State<Service>,
    Query(query): Query<StreamQuery>,
    lease: Option<Extension<Lease>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lease = lease.map(|Extension(lease)| lease).unwrap_or_default();
    let subscription = service.subscribe(&query.read(&headers)?).await?.by(lease);
    let mut response = Sse::new(told(subscription, service.interval)).into_response();
    // A proxy that gathers answers would hold events back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

fn told(
    subscription: Subscription,
    interval: Interval,
) -> impl Stream<Item = Result<ServerSentEvent, Infallible>> + Send + 'static {
    futures::stream::unfold(Some(subscription), move |subscription| async move {
        let mut subscription = subscription?;
        let event = subscription.next().await;
        let told = Told::of(event, &subscription, interval);
        let next = (!told.is_last).then_some(subscription);
        Some((Ok(told.into_event()), next))
    })
}

/// `GET /ws`: the same as messages, each an object of `event`, `sequence`, `resume_token` and `data`.
pub(super) async fn websocket(
    State(service): State<Service>,
    Query(query): Query<StreamQuery>,
    lease: Option<Extension<Lease>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let lease = lease.map(|Extension(lease)| lease).unwrap_or_default();
    let subscription = service.subscribe(&query.read(&headers)?).await?.by(lease);
    let interval = service.interval;
    Ok(upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(move |socket| converse(socket, subscription, interval)))
}

/// Tells until the subscription ends, the reader goes, or nothing was heard of it for long.
async fn converse(mut socket: WebSocket, mut subscription: Subscription, interval: Interval) {
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            event = subscription.next() => {
                let told = Told::of(event, &subscription, interval);
                let is_last = told.is_last;
                let sent = send(&mut socket, Message::Text(told.into_text().into())).await;
                if is_last && sent {
                    close(&mut socket, close_code::AWAY, "no more is told").await;
                }
                if is_last || !sent {
                    return;
                }
                continue;
            }
            message = socket.recv() => message,
            _ = pings.tick() => {
                if heard.elapsed() > SILENCE_MAX {
                    close(&mut socket, close_code::POLICY, "no sign of life").await;
                    return;
                }
                if !send(&mut socket, Message::Ping(Bytes::new())).await {
                    return;
                }
                continue;
            }
        };
        match message {
            // What it says is a sign of life and nothing else.
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            Some(Ok(_)) => heard = Instant::now(),
        }
    }
}

/// Sends within the time that a reader may be silent; whether that went well.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(SILENCE_MAX, socket.send(message)).await, Ok(Ok(())))
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    // It may be gone.
    let _ = send(socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}
