//! What a request shows, and whom that makes its caller. The files behind it can be read again at any time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use super::people::{FoundKey, KEY_PREFIX, People, PeopleError};
use super::settings::AccessSettings;
use super::tokens::{TokenSettings, Tokens};
use super::verifying::KeysError;
use super::{Identity, Proof};
use crate::clock::wall_time;
use crate::listen::Peer;
use crate::reason::{Reason, Refusal};

/// The header of a key that is not a bearer's.
pub(super) const KEY_HEADER: &str = "x-api-key";

/// Bytes that a file of keys may have.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why who is known cannot be read. Names no secret.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A file cannot be read.
    #[error("{what} {path} cannot be read: {problem}")]
    File {
        /// The setting that names it.
        what: &'static str,
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// An access file says nothing of use.
    #[error("access.keys_file {path}: {source}")]
    People {
        /// The file.
        path: String,
        /// What is wrong.
        source: PeopleError,
    },
    /// The keys of tokens cannot be used.
    #[error("jwt.secret_file or jwt.jwks_file: {0}")]
    Keys(#[from] KeysError),
    /// The address of Redis cannot be used.
    #[error("redis.url cannot be used: {0}; write it like redis://user:password@host:6379/0")]
    Redis(String),
    /// The audit file cannot be opened.
    #[error("the audit file in {home} cannot be opened: {source}; choose another folder with --home")]
    Audit {
        /// The home's folder.
        home: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Who is known.
#[derive(Debug)]
pub struct Credentials {
    keys_file: Option<PathBuf>,
    token_settings: Option<TokenSettings>,
    people: ArcSwap<People>,
    tokens: ArcSwapOption<Tokens>,
}

impl Credentials {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// A file that cannot be read or used.
    pub fn open(settings: &AccessSettings) -> Result<Self, AccessError> {
        let credentials = Self {
            keys_file: settings.keys_file.clone(),
            token_settings: settings.tokens.clone(),
            people: ArcSwap::default(),
            tokens: ArcSwapOption::empty(),
        };
        credentials.reload()?;
        Ok(credentials)
    }

    /// Whether anyone can show who it is.
    #[must_use]
    pub const fn are_configured(&self) -> bool {
        self.keys_file.is_some() || self.token_settings.is_some()
    }

    /// The files that are looked at.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let tokens = self.token_settings.as_ref();
        [
            self.keys_file.as_ref(),
            tokens.and_then(|tokens| tokens.secret_file.as_ref()),
            tokens.and_then(|tokens| tokens.jwks_file.as_ref()),
        ]
        .into_iter()
        .flatten()
        .cloned()
        .collect()
    }

    /// Reads the files again. Either all of them are taken up or what was there holds on.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn reload(&self) -> Result<(), AccessError> {
        let people = match &self.keys_file {
            None => None,
            Some(path) => {
                let source = |source| AccessError::People { path: path.display().to_string(), source };
                Some(People::read(&text("access.keys_file", path)?).map_err(source)?)
            }
        };
        let tokens = match &self.token_settings {
            None => None,
            Some(settings) => {
                let read =
                    |what, path: &Option<PathBuf>| path.as_ref().map(|path| text(what, path)).transpose();
                let secret = read("jwt.secret_file", &settings.secret_file)?;
                let jwks = read("jwt.jwks_file", &settings.jwks_file)?;
                Some(Tokens::new(settings.clone(), secret.as_deref().map(str::as_bytes), jwks.as_deref())?)
            }
        };
        if let Some(people) = people {
            tracing::info!(known = people.count(), "the access file was taken up");
            self.people.store(Arc::new(people));
        }
        if let Some(tokens) = tokens {
            self.tokens.store(Some(Arc::new(tokens)));
        }
        Ok(())
    }

    /// Who shows itself by these headers and this other end; `None` is nobody.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when a key or token is shown that is not believed: it does not fall back to being nobody.
    pub(super) fn identify(
        &self,
        headers: &HeaderMap,
        peer: Option<&Peer>,
    ) -> Result<Option<Arc<Identity>>, Refusal> {
        if let Some(key) = headers.get(KEY_HEADER) {
            return self.by_key(key.as_bytes()).map(Some);
        }
        if let Some(header) = headers.get(AUTHORIZATION) {
            return self.by_bearer(header).map(Some);
        }
        let certificate = peer.and_then(|peer| peer.certificate.as_deref());
        Ok(certificate.map(|certificate| {
            let known = self.people.load().find_certificate(certificate).cloned();
            known.unwrap_or_else(|| {
                Arc::new(Identity::new(Proof::Certificate, "subject", &certificate.subject, None, None))
            })
        }))
    }

    fn by_bearer(&self, header: &HeaderValue) -> Result<Arc<Identity>, Refusal> {
        let shown = header.to_str().ok().and_then(|text| {
            let (scheme, rest) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(rest.trim())
        });
        let Some(shown) = shown else {
            return Err(unbelieved("the authorization header is not of the form: Bearer KEY-OR-TOKEN"));
        };
        if shown.starts_with(KEY_PREFIX) {
            return self.by_key(shown.as_bytes());
        }
        match &*self.tokens.load() {
            None => Err(unbelieved(
                "the bearer's key does not begin as one of this server, and it takes no tokens",
            )),
            Some(tokens) => {
                let now_s = wall_time().unsigned_abs() / 1_000;
                tokens.verify(shown, now_s).map_err(|error| unbelieved(&error.to_string()))
            }
        }
    }

    fn by_key(&self, key: &[u8]) -> Result<Arc<Identity>, Refusal> {
        match self.people.load().find_key(key, wall_time()) {
            FoundKey::Valid(identity) => Ok(identity),
            FoundKey::Expired => Err(unbelieved("the API key has expired")),
            FoundKey::Unknown => Err(unbelieved("the API key is not known")),
        }
    }
}

fn unbelieved(message: &str) -> Refusal {
    Refusal::new(Reason::Unauthenticated, message).with("error", "invalid_token")
}

fn text(what: &'static str, path: &Path) -> Result<String, AccessError> {
    let unread = |problem: String| AccessError::File { what, path: path.display().to_string(), problem };
    let bytes = std::fs::metadata(path).map_err(|error| unread(error.to_string()))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(unread(format!("it has {bytes} bytes, at most {FILE_BYTES_MAX} are read")));
    }
    std::fs::read_to_string(path).map_err(|error| unread(error.to_string()))
}
