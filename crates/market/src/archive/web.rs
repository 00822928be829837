//! An archive on the web.

use std::time::Duration;

use reqwest::StatusCode;
use url::Url;

use super::{ArchiveError, ArchiveFile, CHECKSUM_BYTES_MAX, Found, ZIP_BYTES_MAX};
use crate::backoff::{Backoff, BackoffPolicy};

/// How long a connection may take to be made, and how long it may be silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one file may take.
const FILE_TIMEOUT: Duration = Duration::from_secs(600);
/// Tries of one file before it fails.
const ATTEMPTS: u32 = 5;

/// The base address and a client of its own.
#[derive(Debug)]
pub(super) struct Web {
    http: reqwest::Client,
    base: Url,
}

impl Web {
    pub(super) fn new(place: &str) -> Result<Self, ArchiveError> {
        let refuse = |problem: String| ArchiveError::Place { place: without_password(place), problem };
        let base: Url = place.parse().map_err(|error: url::ParseError| refuse(error.to_string()))?;
        if !["http", "https"].contains(&base.scheme()) || base.cannot_be_a_base() {
            return Err(refuse("it is neither http nor https".to_owned()));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(refuse("a user and password are not supported".to_owned()));
        }
        crate::tls::install_ring();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_TIMEOUT)
            .timeout(FILE_TIMEOUT)
            .user_agent(concat!("klinecast/", env!("CARGO_PKG_VERSION")));
        let loopback = match base.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if loopback {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| refuse(causes(&error)))?;
        Ok(Self { http, base })
    }

    /// A file and its checksum; `None` if there is no such file.
    pub(super) async fn fetch(&self, file: &ArchiveFile) -> Result<Option<Found>, ArchiveError> {
        let path = file.path();
        let Some(zip) = self.get(&path, ZIP_BYTES_MAX).await? else { return Ok(None) };
        let name = self.url(&path).to_string();
        match self.get(&format!("{path}.CHECKSUM"), CHECKSUM_BYTES_MAX).await? {
            Some(text) => {
                let checksum = Some(String::from_utf8_lossy(&text).into_owned());
                Ok(Some(Found { name, zip, checksum }))
            }
            None => Err(ArchiveError::NoChecksum { file: name, problem: "there is none".to_owned() }),
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// A file's content, tried again while that may help; `None` for 404.
    async fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ArchiveError> {
        let mut backoff = Backoff::new(BackoffPolicy::default());
        loop {
            let error = match self.get_once(self.url(path), limit).await {
                Err(error) if error.is_retryable() => error,
                outcome => return outcome,
            };
            let wait = backoff.next_wait(rand::random());
            if backoff.attempt() >= ATTEMPTS {
                return Err(error);
            }
            tracing::warn!(%error, wait_ms = wait.as_millis(), "an archive's file could not be fetched, trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn get_once(&self, url: Url, limit: usize) -> Result<Option<Vec<u8>>, ArchiveError> {
        let file = url.to_string();
        let unreachable =
            |error: reqwest::Error| ArchiveError::Unreachable { file: file.clone(), problem: causes(&error) };
        let mut response = self.http.get(url).send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            status if !status.is_success() => {
                return Err(ArchiveError::Status { file, status: status.as_u16() });
            }
            _ => {}
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > limit {
                return Err(ArchiveError::TooLong { file, limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }
}

/// An address without what may be a password.
fn without_password(place: &str) -> String {
    place.split_once("://").map_or_else(
        || place.to_owned(),
        |(scheme, rest)| format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
    )
}

/// An error with all its causes.
fn causes(error: &reqwest::Error) -> String {
    let mut parts = vec![if error.is_timeout() { "no answer in time" } else { "no connection" }.to_owned()];
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        parts.push(next.to_string());
        cause = next.source();
    }
    parts.dedup();
    parts.join(": ")
}
