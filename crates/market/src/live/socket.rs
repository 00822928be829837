//! One websocket: a task that connects, reads, and answers pings.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error as SocketError, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::feed::LineId;
use crate::binance::stream::combined_address;
use crate::{ExchangeSettings, MarketError};

/// No valid frame is longer.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// Requests that wait to be sent. The feed sends them one by one; more than this means that the socket does not work.
const QUEUE_REQUESTS: usize = 64;

/// What is heard of a socket.
pub(super) enum Heard {
    /// It is open.
    Opened,
    /// A message.
    Text(Utf8Bytes),
    /// A message that is not marked as text.
    Bytes(Bytes),
    /// A ping or a pong.
    Alive,
    /// It is over, or was never open. Nothing comes after this.
    Ended(MarketError),
}

/// A socket's task. Dropping it closes the socket.
pub(super) struct Socket {
    requests: mpsc::Sender<String>,
    task: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Socket {
    /// Connects, and tells what it hears.
    pub(super) fn spawn(
        id: LineId,
        settings: &ExchangeSettings,
        heard: mpsc::Sender<(LineId, Heard)>,
    ) -> Self {
        let (requests, outbox) = mpsc::channel(QUEUE_REQUESTS);
        let settings = settings.clone();
        let task = tokio::spawn(async move {
            let error = follow(id, &settings, outbox, &heard).await;
            // An error says that the feed has ended.
            let _ = heard.send((id, Heard::Ended(error))).await;
        });
        Self { requests, task }
    }

    /// Sends a request. A socket that does not take it is noticed by its silence.
    pub(super) fn send(&self, request: String) {
        if self.requests.try_send(request).is_err() {
            tracing::warn!("a request was not sent, too many wait on this socket");
        }
    }
}

/// Follows one connection to its end; answers why it ended.
async fn follow(
    id: LineId,
    settings: &ExchangeSettings,
    mut outbox: mpsc::Receiver<String>,
    heard: &mpsc::Sender<(LineId, Heard)>,
) -> MarketError {
    let gone = || MarketError::Socket("nobody listens any more".to_owned());
    let patience = settings.limits.connect_timeout;
    let mut socket = match connect(settings).await {
        Ok(socket) => socket,
        Err(error) => return error,
    };
    if heard.send((id, Heard::Opened)).await.is_err() {
        return gone();
    }
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            request = outbox.recv() => match request {
                Some(request) => match send(&mut socket, Some(Message::text(request)), patience).await {
                    Ok(()) => continue,
                    Err(error) => return error,
                },
                None => return gone(),
            },
        };
        let message = match message {
            Some(Ok(Message::Text(text))) => Heard::Text(text),
            Some(Ok(Message::Binary(bytes))) => Heard::Bytes(bytes),
            Some(Ok(Message::Ping(_))) => {
                // The library has queued the pong with the same payload; it only has to leave.
                if let Err(error) = send(&mut socket, None, patience).await {
                    return error;
                }
                Heard::Alive
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Heard::Alive,
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map_or_else(String::new, |frame| format!(": {frame}"));
                return MarketError::Socket(format!("the exchange closed it{reason}"));
            }
            Some(Err(error)) => return MarketError::Socket(error.to_string()),
            None => return MarketError::Socket("the exchange closed it".to_owned()),
        };
        if heard.send((id, message)).await.is_err() {
            return gone();
        }
    }
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Sends a message, or only what is queued, within the given time.
async fn send(socket: &mut Stream, message: Option<Message>, patience: Duration) -> Result<(), MarketError> {
    let sending = async {
        match message {
            Some(message) => socket.send(message).await,
            None => socket.flush().await,
        }
    };
    let problem = match timeout(patience, sending).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the exchange does not read what we send".to_owned(),
    };
    Err(MarketError::Socket(problem))
}

/// What a handshake that was answered with an HTTP status means.
#[must_use]
pub fn refused_handshake(address: &str, status: u16, retry_after: Option<Duration>) -> MarketError {
    let address = address.to_owned();
    match status {
        403 | 451 => MarketError::Forbidden { address, status },
        418 | 429 => {
            MarketError::RateLimited { status, wait: retry_after.unwrap_or(Duration::from_secs(60)) }
        }
        status => {
            let problem = format!("the handshake was answered with http {status}");
            MarketError::Unreachable { address, problem }
        }
    }
}

async fn connect(settings: &ExchangeSettings) -> Result<Stream, MarketError> {
    let address = combined_address(&settings.websocket_url, &settings.symbols, settings.interval);
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let connecting = connect_async_with_config(address, Some(config), true);
    let unreachable = |problem| MarketError::Unreachable { address: settings.websocket_url.clone(), problem };
    match timeout(settings.limits.connect_timeout, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(SocketError::Http(response))) => {
            let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let after = after.and_then(crate::rest::retry_after);
            Err(refused_handshake(&settings.websocket_url, response.status().as_u16(), after))
        }
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable("no handshake in time".to_owned())),
    }
}
