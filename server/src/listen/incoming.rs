//! Takes connections in, up to a bound, and shakes hands with them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_stream::wrappers::ReceiverStream;

use super::connection::Place;
use super::{Connection, ConnectionLimits, Tls};
use crate::telemetry::metrics as names;

/// Connections that are ready and not yet taken by the face; whoever is ready then waits.
const READY_MAX: usize = 64;

/// The wait when the system gives no more connections.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Which face a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// gRPC.
    Grpc,
    /// HTTP.
    Http,
}

impl Face {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

/// A bound socket that will take connections in.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    face: Face,
    limits: ConnectionLimits,
    tls: Option<Tls>,
}

impl Listener {
    /// Takes a bound socket.
    #[must_use]
    pub const fn new(socket: TcpListener, face: Face, limits: ConnectionLimits, tls: Option<Tls>) -> Self {
        Self { socket, face, limits, tls }
    }

    /// How patient it is.
    #[must_use]
    pub const fn limits(&self) -> ConnectionLimits {
        self.limits
    }

    /// The connections from now on. Dropping the stream closes the socket. Needs a tokio runtime.
    pub fn connections(self) -> ReceiverStream<io::Result<Connection>> {
        let (ready, connections) = mpsc::channel(READY_MAX);
        tokio::spawn(self.take_in(ready));
        ReceiverStream::new(connections)
    }

    async fn take_in(self, ready: mpsc::Sender<io::Result<Connection>>) {
        let open = Arc::new(Semaphore::new(self.limits.open_max));
        let handshakes = Arc::new(Semaphore::new(self.limits.handshakes_max));
        let mut exhausted = false;
        loop {
            let accepted = tokio::select! {
                () = ready.closed() => return,
                accepted = self.socket.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_the_connections(&error) => continue,
                Err(error) => {
                    if !std::mem::replace(&mut exhausted, true) {
                        let face = self.face.name();
                        tracing::error!(%error, face, "no connection can be taken in; is the limit of open files too low?");
                    }
                    names::count_connection_refused(self.face.name(), "exhausted");
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                    continue;
                }
            };
            exhausted = false;
            let Ok(permit) = open.clone().try_acquire_owned() else {
                // Dropped here, and so closed at once: a place in a queue would be one more thing to exhaust.
                names::count_connection_refused(self.face.name(), "full");
                continue;
            };
            // Small answers leave at once: waiting to fill a packet would cost a call 40 ms.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection's packets cannot be sent at once");
            }
            let place = Place::taken(self.face, permit);
            self.pass_on(stream, address, place, &handshakes, &ready).await;
        }
    }

    async fn pass_on(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        place: Place,
        handshakes: &Arc<Semaphore>,
        ready: &mpsc::Sender<io::Result<Connection>>,
    ) {
        let deadline = Instant::now() + self.limits.handshake_timeout;
        let Some(tls) = &self.tls else {
            let connection = Connection::plain(stream, address, sleep_until(deadline), place);
            // An error says that the face has ended.
            let _ = ready.send(Ok(connection)).await;
            return;
        };
        let (tls, face) = (tls.clone(), self.face);
        let (handshakes, ready) = (handshakes.clone(), ready.clone());
        // As many of these as there are places.
        tokio::spawn(async move {
            let shaken = timeout_at(deadline, async {
                let _turn = handshakes.acquire_owned().await;
                tls.acceptor(face).accept(stream).await
            });
            match shaken.await {
                Ok(Ok(stream)) => {
                    let connection = Connection::tls(stream, address, sleep_until(deadline), place);
                    let _ = ready.send(Ok(connection)).await;
                }
                Ok(Err(error)) => {
                    names::count_connection_refused(face.name(), "handshake");
                    tracing::debug!(%error, %address, "a handshake failed");
                }
                Err(_) => names::count_connection_refused(face.name(), "handshake"),
            }
        });
    }
}

/// Whether an error is about the one connection that was to be taken in.
fn is_the_connections(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
