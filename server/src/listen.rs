//! The door of both faces: bounded connections, plain or over TLS, each with what is known about its other end.

mod body;
mod certificates;
mod connection;
mod files;
mod http;
mod incoming;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

pub use certificates::{ClientCertificate, TlsError};
pub use connection::{Connection, Peer};
pub use files::allow_open_files;
pub use http::serve as serve_http;
pub use incoming::{Face, Listener};
pub use tls::{Tls, TlsConfigs};

/// How many connections, and how patient with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections of each face that may be open; one more is closed at once.
    pub open_max: usize,
    /// TLS handshakes of each face that are worked on at once; others wait.
    pub handshakes_max: usize,
    /// How long a connection may take until its first request has begun to come: the wait, the handshake, the first bytes.
    pub handshake_timeout: Duration,
    /// How long the head of an HTTP/1 request may take, then its body, and how long a connection may be idle between two.
    pub header_timeout: Duration,
}

/// The files of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and the root, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Who signs the certificates of clients, PEM.
    pub client_ca: Option<PathBuf>,
    /// Whether who has no certificate may connect.
    pub client_certificate: ClientCertificateWish,
}

/// Whether clients have to show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificateWish {
    /// They may; who has none shows a key or a token.
    Optional,
    /// Who has none is not let in.
    Required,
}

impl std::str::FromStr for ClientCertificateWish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "optional" => Ok(Self::Optional),
            "required" => Ok(Self::Required),
            _ => Err("use optional or required".to_owned()),
        }
    }
}
