//! What a stream goes on by: whoever opened it is asked about again now and then, so that a key that was taken away or a token
//! that has expired ends the streams that it opened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap};

use super::{Access, Role};
use crate::listen::Peer;
use crate::reason::Refusal;

/// How long an answer holds.
const EVERY: Duration = Duration::from_secs(5);

/// The right to be told more. The default one never ends: nobody is asked who they are.
#[derive(Debug, Clone, Default)]
pub struct Lease(Option<Held>);

#[derive(Debug, Clone)]
struct Held {
    access: Arc<Access>,
    needed: Role,
    headers: HeaderMap,
    peer: Option<Peer>,
    due: Instant,
}

impl Lease {
    /// The right of a request that was just decided about. Of its headers it keeps those that say who calls.
    pub(super) fn new(access: Arc<Access>, needed: Role, headers: &HeaderMap, peer: Option<&Peer>) -> Self {
        let mut kept = HeaderMap::new();
        for name in [AUTHORIZATION.as_str(), super::credentials::KEY_HEADER] {
            for value in headers.get_all(name) {
                let mut value = value.clone();
                // Never shown, whoever prints what holds it.
                value.set_sensitive(true);
                kept.append(axum::http::HeaderName::from_static(name), value);
            }
        }
        let due = Instant::now() + EVERY;
        Self(Some(Held { access, needed, headers: kept, peer: peer.cloned(), due }))
    }

    /// The right among a request's extensions.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// Whether it still holds; it is looked at every few seconds.
    ///
    /// # Errors
    /// Why it does not: `UNAUTHENTICATED`, `PERMISSION_DENIED`.
    pub fn check(&mut self) -> Result<(), Refusal> {
        let Some(held) = &mut self.0 else { return Ok(()) };
        let now = Instant::now();
        if now < held.due {
            return Ok(());
        }
        held.due = now + EVERY;
        held.access.may(held.needed, &held.headers, held.peer.as_ref()).map_err(|refusal| *refusal)
    }

    /// Lets the next look be due now.
    #[cfg(test)]
    pub(crate) fn come_due(&mut self) {
        if let Some(held) = &mut self.0 {
            held.due = Instant::now();
        }
    }
}
