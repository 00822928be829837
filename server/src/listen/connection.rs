//! One connection: its bytes, its other end, and its place among those that may be open.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::{ClientCertificate, Face};
use crate::telemetry::metrics as names;

/// How HTTP/2 begins.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Who is at the other end.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Its certificate, if it showed one that is believed.
    pub certificate: Option<Arc<ClientCertificate>>,
}

/// A place among the open connections; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    face: Face,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    pub(super) fn taken(face: Face, permit: OwnedSemaphorePermit) -> Self {
        names::show_connection(face.name(), true);
        Self { face, _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        names::show_connection(self.face.name(), false);
    }
}

#[derive(Debug)]
enum Bytes {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The wait for a connection's first bytes: at least one, and the whole of HTTP/2's preface if they begin like it. What comes
/// then has time-outs of its own.
#[derive(Debug)]
struct Opening {
    until: Pin<Box<Sleep>>,
    matched: usize,
}

impl Opening {
    /// Looks at more bytes; whether it is over.
    fn sees(&mut self, bytes: &[u8]) -> bool {
        let expected = &PREFACE[self.matched..];
        let shared = bytes.len().min(expected.len());
        self.matched += shared;
        bytes[..shared] != expected[..shared] || self.matched == PREFACE.len()
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    bytes: Bytes,
    opening: Option<Opening>,
    peer: Peer,
    place: Place,
}

impl Connection {
    pub(super) fn plain(stream: TcpStream, address: SocketAddr, until: Sleep, place: Place) -> Self {
        let peer = Peer { address, certificate: None };
        Self { bytes: Bytes::Plain(stream), opening: Some(opening(until)), peer, place }
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>, address: SocketAddr, until: Sleep, place: Place) -> Self {
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let certificate = shown.and_then(ClientCertificate::read).map(Arc::new);
        let peer = Peer { address, certificate };
        Self { bytes: Bytes::Tls(Box::new(stream)), opening: Some(opening(until)), peer, place }
    }

    /// Who is at the other end.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }
}

fn opening(until: Sleep) -> Opening {
    Opening { until: Box::pin(until), matched: 0 }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let this = &mut *self;
        let read = match &mut this.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Bytes::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        let Some(opening) = &mut this.opening else { return read };
        if read.is_ready() {
            if opening.sees(&buffer.filled()[before..]) {
                this.opening = None;
            }
            return read;
        }
        ready!(opening.until.as_mut().poll(context));
        names::count_connection_refused(this.place.face.name(), "silent");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the connection asked for nothing in time")))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Bytes::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Bytes::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.bytes {
            Bytes::Plain(stream) => stream.is_write_vectored(),
            Bytes::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_flush(context),
            Bytes::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Bytes::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_opening_is_over_with_a_request_or_the_whole_preface() {
        let opening = || opening(tokio::time::sleep(std::time::Duration::from_secs(1)));
        assert!(opening().sees(b"GET / HTTP/1.1\r\n"));
        assert!(opening().sees(PREFACE));
        assert!(opening().sees(b"\x16\x03"));
        let mut slow = opening();
        for (at, byte) in PREFACE.iter().enumerate() {
            assert_eq!(slow.sees(&[*byte]), at == PREFACE.len() - 1, "{at}");
        }
        let mut turned = opening();
        assert!(!turned.sees(b"P"));
        assert!(turned.sees(b"OST /"));
        let mut more = opening();
        assert!(!more.sees(b"PRI * "));
        assert!(more.sees(b"HTTP/2.0\r\n\r\nSM\r\n\r\nand frames"));
    }
}
