//! The websocket routes: raw and combined streams.

mod command;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::frame;
use crate::hub::ConnectionId;
use crate::shared::{Context, Shared, stopped};
use crate::stream::{MOST_STREAMS, is_name};
use command::Command;

/// A connection that has not answered a ping for this many pings is closed (a minute of the usual 20 seconds).
const UNANSWERED_PINGS: u32 = 3;
/// More messages than this in one second, control frames counted, close a connection.
const MESSAGES_A_SECOND: usize = 5;
const LONGEST_MESSAGE: usize = 256 * 1024;
/// How long a closing connection waits for the other side to close too.
const FAREWELL: Duration = Duration::from_secs(1);
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;

/// The query of a combined stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Streams {
    #[serde(default)]
    streams: String,
}

pub(crate) async fn raw(State(context): State<Context>, upgrade: WebSocketUpgrade) -> Response {
    accept(context, upgrade, "", false)
}

pub(crate) async fn raw_streams(
    State(context): State<Context>,
    Path(list): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    accept(context, upgrade, &list, false)
}

pub(crate) async fn combined(
    State(context): State<Context>,
    Query(query): Query<Streams>,
    upgrade: WebSocketUpgrade,
) -> Response {
    accept(context, upgrade, &query.streams, true)
}

fn accept(context: Context, upgrade: WebSocketUpgrade, list: &str, combined: bool) -> Response {
    let streams: BTreeSet<String> =
        list.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if streams.len() > MOST_STREAMS || !streams.iter().all(|name| is_name(name)) {
        let text = format!(
            "stream names are invalid or more than {MOST_STREAMS}; write them as btcusdt@kline_15m/ethusdt@kline_15m"
        );
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    upgrade.max_message_size(LONGEST_MESSAGE).on_upgrade(move |socket| async move {
        let Context { shared, guard } = context;
        serve(socket, &shared, streams, combined).await;
        drop(guard);
    })
}

/// Why a connection ends from our side.
struct Ending {
    code: u16,
    reason: &'static str,
}

/// One connection's own state.
struct Connection {
    id: ConnectionId,
    unanswered: u32,
    recent: VecDeque<Instant>,
}

async fn serve(mut socket: WebSocket, shared: &Shared, streams: BTreeSet<String>, combined: bool) {
    let (id, mut frames) = shared.hub.connect(combined, streams);
    let mut connection = Connection { id, unanswered: 0, recent: VecDeque::new() };
    let mut pings = tokio::time::interval(shared.ping_interval.max(Duration::from_millis(10)));
    pings.reset();
    let mut stop = shared.stop.clone();
    let ending = loop {
        let outgoing = tokio::select! {
            frame = frames.recv() => match frame {
                Some(text) => Message::Text(text),
                None => break Some(Ending { code: POLICY, reason: "does not keep up" }),
            },
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break None,
                Some(Ok(message)) => match connection.receive(shared, &message) {
                    Ok(Some(answer)) => Message::Text(answer.into()),
                    Ok(None) => continue,
                    Err(ending) => break Some(ending),
                },
            },
            _ = pings.tick() => {
                connection.unanswered += 1;
                if connection.unanswered > UNANSWERED_PINGS {
                    break Some(Ending { code: POLICY, reason: "pings are not answered" });
                }
                Message::Ping(shared.clock.now().to_string().into())
            }
            () = stopped(&mut stop) => {
                let notice = frame::server_shutdown(combined, shared.clock.now());
                let _ = socket.send(Message::Text(notice.into())).await;
                break Some(Ending { code: GOING_AWAY, reason: "server shutdown" });
            }
        };
        if socket.send(outgoing).await.is_err() {
            break None;
        }
    };
    shared.hub.disconnect(id);
    if let Some(Ending { code, reason }) = ending {
        tracing::info!(connection = id, code, reason, "closing a websocket");
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        if socket.send(close).await.is_ok() {
            // Reads on until the other side has closed too: closing over unread messages would tear the
            // connection before the reason has arrived.
            let drained = async { while socket.recv().await.is_some_and(|message| message.is_ok()) {} };
            let _ = tokio::time::timeout(FAREWELL, drained).await;
        }
    }
}

impl Connection {
    /// Takes one message; answers commands.
    fn receive(&mut self, shared: &Shared, message: &Message) -> Result<Option<String>, Ending> {
        let now = Instant::now();
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|time| now.duration_since(*time) >= Duration::from_secs(1)) {
            self.recent.pop_front();
        }
        if self.recent.len() > MESSAGES_A_SECOND {
            return Err(Ending { code: POLICY, reason: "Too many requests" });
        }
        match message {
            Message::Pong(_) => {
                self.unanswered = 0;
                Ok(None)
            }
            Message::Text(text) => Ok(Some(self.command(shared, text))),
            _ => Ok(None),
        }
    }

    /// What is followed changes before the answer is written, so that no frame is lost after it.
    fn command(&self, shared: &Shared, text: &str) -> String {
        let (command, id) = match Command::parse(text) {
            Ok(parsed) => parsed,
            Err(refusal) => return refusal.answer(),
        };
        match command {
            Command::Subscribe(names) => {
                let mut refused = false;
                shared.hub.update(self.id, |streams| {
                    let joined: BTreeSet<String> = streams.iter().cloned().chain(names).collect();
                    refused = joined.len() > MOST_STREAMS;
                    if !refused {
                        *streams = joined;
                    }
                });
                if refused { command::too_many(&id) } else { command::done(&id) }
            }
            Command::Unsubscribe(names) => {
                shared.hub.update(self.id, |streams| streams.retain(|name| !names.contains(name)));
                command::done(&id)
            }
            Command::List => command::list(&id, &shared.hub.update(self.id, |_| ())),
        }
    }
}
