//! How servers of the web are asked: one client, and a thread that drives it under traits that block.

mod driver;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client};
use url::{Host, Url};

use crate::StoreError;

pub(crate) use driver::Driver;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of the server at an address. What is on this machine is asked without a proxy; a redirect is an answer like any
/// other, so that no credential goes elsewhere.
pub(crate) fn client(address: &Url, root: Option<&Path>, timeout: Duration) -> Result<Client, StoreError> {
    // An error says that one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("klinecast/", env!("CARGO_PKG_VERSION")));
    if is_loopback(address) {
        builder = builder.no_proxy();
    }
    if let Some(path) = root {
        let refuse = |problem: String| StoreError::RootCertificate {
            of: "web server",
            path: path.to_owned(),
            problem,
        };
        let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let roots = Certificate::from_pem_bundle(&pem).map_err(|error| refuse(causes(&error)))?;
        if roots.is_empty() {
            return Err(refuse("no certificate is in it".to_owned()));
        }
        builder = builder.tls_certs_merge(roots);
    }
    builder.build().map_err(|error| StoreError::WebClient { problem: causes(&error) })
}

fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// An error's causes, the innermost last; the error itself only if it has none, for it may repeat an address.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut parts = Vec::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        parts.push(next.to_string());
        cause = next.source();
    }
    parts.dedup();
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}
