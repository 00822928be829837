//! One websocket of the loopback server.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::LineId;
use crate::faults::Tear;
use crate::frame;
use crate::manners::{Ending, GOING_AWAY, Manners, POLICY};
use crate::shared::{Shared, stopped};
use crate::venue::What;

const LONGEST_MESSAGE: usize = 256 * 1024;
/// How long a closing connection waits for the other side to close too.
const FAREWELL: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TcpStream>;

/// How a connection ends.
enum End {
    /// With a close frame.
    Closed(Ending),
    /// The client has gone.
    Gone,
    /// Without a close frame.
    Reset,
    /// It stays open, and nothing is said any more.
    Mute,
}

/// Serves a connection until it ends. `read` has been read of it already.
pub(crate) async fn serve(
    stream: TcpStream,
    read: Vec<u8>,
    shared: &Shared,
    line: LineId,
    mut queue: mpsc::Receiver<What>,
) {
    let _ = stream.set_nodelay(true);
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let mut socket = Socket::from_partially_read(stream, read, Role::Server, Some(limits)).await;
    match talk(&mut socket, shared, line, &mut queue).await {
        End::Gone => (),
        End::Closed(ending) => close(&mut socket, shared, line, ending).await,
        End::Reset => {
            tracing::info!(connection = %line, "dropping a websocket");
            // Closing with nothing lingering sends a reset in place of an orderly end.
            let _ = socket.get_ref().set_zero_linger();
        }
        End::Mute => {
            tracing::info!(connection = %line, "a websocket falls silent");
            mute(socket.into_inner(), shared).await;
        }
    }
}

async fn talk(socket: &mut Socket, shared: &Shared, line: LineId, queue: &mut mpsc::Receiver<What>) -> End {
    let mut manners = Manners::default();
    let every = shared.ping_interval.clamp(Duration::from_millis(10), Duration::from_secs(86_400));
    let mut pings = tokio::time::interval(every);
    pings.reset();
    let mut stop = shared.stop.clone();
    loop {
        let outgoing = tokio::select! {
            what = queue.recv() => match what {
                Some(What::Text(text, Tear::Whole)) => Message::text(text),
                Some(What::Text(text, Tear::Fragments(count))) => {
                    if fragments(socket, &text, count).await.is_err() {
                        return End::Gone;
                    }
                    continue;
                }
                Some(What::Close(ending)) => return End::Closed(ending),
                Some(What::Reset) => return End::Reset,
                Some(What::Mute) => return End::Mute,
                None => return End::Closed(Ending { code: POLICY, reason: "does not keep up" }),
            },
            incoming = socket.next() => match incoming {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                Some(Ok(message)) => match receive(shared, line, &mut manners, &message) {
                    Ok(Some(answer)) => Message::text(answer),
                    Ok(None) => continue,
                    Err(ending) => return End::Closed(ending),
                },
            },
            _ = pings.tick() => match manners.ping() {
                Ok(()) => Message::Ping(shared.clock.now().to_string().into()),
                Err(ending) => return End::Closed(ending),
            },
            () = stopped(&mut stop) => {
                let combined = shared.hub().venue.combined(line);
                let notice = frame::server_shutdown(combined, shared.clock.now());
                let _ = socket.send(Message::text(notice)).await;
                return End::Closed(Ending { code: GOING_AWAY, reason: "server shutdown" });
            }
        };
        if socket.send(outgoing).await.is_err() {
            return End::Gone;
        }
    }
}

/// Takes one message; answers commands.
fn receive(
    shared: &Shared,
    line: LineId,
    manners: &mut Manners,
    message: &Message,
) -> Result<Option<String>, Ending> {
    manners.message(shared.wall())?;
    match message {
        Message::Pong(_) => {
            manners.pong();
            Ok(None)
        }
        Message::Text(text) => {
            let answer = shared.with_hub(|hub| hub.venue.command(line, text));
            shared.changed.notify_waiters();
            Ok(answer)
        }
        _ => Ok(None),
    }
}

/// Sends a text in so many fragments.
async fn fragments(
    socket: &mut Socket,
    text: &str,
    count: usize,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let size = (text.len() / count.max(1)).max(1);
    let mut parts = text.as_bytes().chunks(size).peekable();
    let mut code = OpCode::Data(Data::Text);
    while let Some(part) = parts.next() {
        let frame = Frame::message(part.to_vec(), code, parts.peek().is_none());
        socket.send(Message::Frame(frame)).await?;
        code = OpCode::Data(Data::Continue);
    }
    Ok(())
}

async fn close(socket: &mut Socket, shared: &Shared, line: LineId, ending: Ending) {
    let Ending { code, reason } = ending;
    tracing::info!(connection = %line, code, reason, "closing a websocket");
    shared.with_hub(|hub| hub.disconnect(line));
    let frame = CloseFrame { code: code.into(), reason: reason.into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        // Reads on until the other side has closed too: closing over unread messages would tear the connection
        // before the reason has arrived.
        let drained = async { while socket.next().await.is_some_and(|message| message.is_ok()) {} };
        let _ = tokio::time::timeout(FAREWELL, drained).await;
    }
}

/// Keeps a connection open without a word until the client drops it or the exchange stops.
async fn mute(mut stream: TcpStream, shared: &Shared) {
    let mut unheard = [0; 1_024];
    let mut stop = shared.stop.clone();
    let gone = async { while stream.read(&mut unheard).await.is_ok_and(|bytes| bytes > 0) {} };
    tokio::select! {
        () = gone => (),
        () = stopped(&mut stop) => (),
    }
}
