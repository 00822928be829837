//! TLS of both faces: one pair of certificate and key, taken up anew when its files change.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::certificates::{TlsError, configuration};
use super::{Face, TlsFiles};

/// What both faces shake hands with.
#[derive(Debug)]
pub struct TlsConfigs {
    grpc: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
}

impl TlsConfigs {
    /// Reads the files.
    ///
    /// # Errors
    /// A file that cannot be read, a key that is not the certificate's.
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            // Pages ask in gRPC-Web over either.
            grpc: Arc::new(configuration(files, &[b"h2", b"http/1.1"])?),
            http: Arc::new(configuration(files, &[b"h2", b"http/1.1"])?),
        })
    }
}

/// TLS that goes on with what it has until something better is there.
#[derive(Debug, Clone)]
pub struct Tls {
    files: TlsFiles,
    now: Arc<ArcSwap<TlsConfigs>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// As [`TlsConfigs::read`].
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let now = Arc::new(ArcSwap::from_pointee(TlsConfigs::read(&files)?));
        Ok(Self { files, now })
    }

    /// The files that are looked at.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let files = &self.files;
        [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Reads the files again; connections from now on shake hands with what they say.
    ///
    /// # Errors
    /// As [`TlsConfigs::read`]; what was there holds on.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.now.store(Arc::new(TlsConfigs::read(&self.files)?));
        Ok(())
    }

    /// What shakes hands now.
    pub(super) fn acceptor(&self, face: Face) -> TlsAcceptor {
        let now = self.now.load();
        TlsAcceptor::from(match face {
            Face::Grpc => now.grpc.clone(),
            Face::Http => now.http.clone(),
        })
    }
}
