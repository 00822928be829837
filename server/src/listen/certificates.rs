//! Certificates: read from PEM files, and what one says about a client.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{ClientCertificateWish, TlsFiles};

/// Names of one certificate that are looked at.
const NAMES_MAX: usize = 100;

/// Why the files of TLS cannot be used. Says nothing that is in a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM of its kind.
    #[error("{what} {path} cannot be read: {problem}; give a PEM file")]
    File {
        /// Certificate, key or client CA.
        what: &'static str,
        /// Its path.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// Certificate and key do not belong together, or the CA is none.
    #[error(
        "{path}: {problem}; tls.certificate and tls.key must belong together, and tls.client_ca be certificates"
    )]
    Unfit {
        /// The certificate's path.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

/// What a client's verified certificate says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject, for example `CN=trainer, O=desk`.
    pub subject: String,
    /// The alternative names: DNS names, addresses of mail, URIs, IP addresses.
    pub names: Vec<String>,
}

impl ClientCertificate {
    /// Reads the names of a certificate that was verified; `None` if it is none.
    #[must_use]
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let names = parsed.subject_alternative_name().ok().flatten();
        let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
        let names = names.iter().take(NAMES_MAX).filter_map(name).collect();
        Some(Self { subject: parsed.subject().to_string(), names })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets).ok().map(|octets| std::net::IpAddr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(*octets).ok().map(|octets| std::net::IpAddr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Makes the configuration of TLS from the files, with these protocols of the application.
pub(super) fn configuration(files: &TlsFiles, protocols: &[&[u8]]) -> Result<ServerConfig, TlsError> {
    let certificates = certificates("tls.certificate", &files.certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unread("tls.key", &files.key, &error))?;
    let unfit = |problem: String| TlsError::Unfit { path: files.certificate.display().to_string(), problem };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(error.to_string()))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in self::certificates("tls.client_ca", path)? {
                roots.add(certificate).map_err(|error| unread("tls.client_ca", path, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match files.client_certificate {
                ClientCertificateWish::Optional => verifier.allow_unauthenticated(),
                ClientCertificateWish::Required => verifier,
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| unfit(error.to_string()))?)
        }
    };
    let mut configuration =
        builder.with_single_cert(certificates, key).map_err(|error| unfit(error.to_string()))?;
    configuration.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(configuration)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unread(what, path, &error))?;
    let read: Result<Vec<_>, _> = read.collect();
    let read = read.map_err(|error| unread(what, path, &error))?;
    if read.is_empty() {
        return Err(unread(what, path, &"it has no certificate"));
    }
    Ok(read)
}

fn unread(what: &'static str, path: &Path, problem: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { what, path: path.display().to_string(), problem: problem.to_string() }
}
