//! The decision: may this caller do this, now?

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::http::HeaderMap;

use super::audit::{Audit, AuditedCall};
use super::limiter::Limiter;
use super::settings::AccessSettings;
use super::{AccessError, ClientId, Credentials, Identity, Lease, Need, Proof, Role};
use crate::listen::Peer;
use crate::reason::{Reason, Refusal};
use crate::telemetry::metrics as names;

/// Who calls, and from where.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub identity: Arc<Identity>,
    /// Whose calls are counted together.
    pub client: ClientId,
    /// From where.
    pub address: Option<SocketAddr>,
}

/// What is to become of a request.
#[derive(Debug)]
pub enum Admission {
    /// It goes on.
    Pass,
    /// It may go on, after something that takes time: others count it too, or it is written down.
    Consider(Caller),
    /// It does not go on.
    Refused(Box<Refusal>),
}

/// Who may do what.
#[derive(Debug)]
pub struct Access {
    credentials: Credentials,
    limiter: Limiter,
    audit: Audit,
    anonymous: Arc<Identity>,
    /// Whether neither identities nor limits are configured: every request passes without a look at it.
    trusts_all: bool,
}

impl Access {
    /// Reads what the settings name. Needs a tokio runtime.
    ///
    /// # Errors
    /// A file that cannot be read or used, an address of Redis that is none.
    pub fn open(settings: &AccessSettings, home: &Path) -> Result<Self, AccessError> {
        let credentials = Credentials::open(settings)?;
        let unopened = |source| AccessError::Audit { home: home.display().to_string(), source };
        let configured = credentials.are_configured();
        let role = settings.anonymous.role(configured);
        let anonymous = Arc::new(Identity::new(Proof::None, "", "anonymous", role, None));
        Ok(Self {
            trusts_all: !configured && settings.limits.are_none() && role == Some(Role::Admin),
            credentials,
            limiter: Limiter::new(settings)?,
            audit: Audit::open(home).map_err(unopened)?,
            anonymous,
        })
    }

    /// Who is known.
    #[must_use]
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Decides about a request by what it needs, its headers and its other end. Where nothing is configured, it looks at nothing,
    /// takes no lock and allocates nothing.
    #[must_use]
    pub fn admit(
        &self,
        need: Need,
        what: &dyn Fn() -> String,
        headers: &HeaderMap,
        peer: Option<&Peer>,
    ) -> Admission {
        let Some(needed) = need.role() else { return Admission::Pass };
        if self.trusts_all && !need.is_audited() {
            return Admission::Pass;
        }
        match self.decide((need, needed), what, headers, peer) {
            Ok(None) => Admission::Pass,
            Ok(Some(caller)) => Admission::Consider(caller),
            Err(refusal) => {
                names::count_access_refused(refusal.reason);
                Admission::Refused(refusal)
            }
        }
    }

    /// The caller, if something about the call takes time.
    fn decide(
        &self,
        (need, needed): (Need, Role),
        what: &dyn Fn() -> String,
        headers: &HeaderMap,
        peer: Option<&Peer>,
    ) -> Result<Option<Caller>, Box<Refusal>> {
        let caller = self.caller(headers, peer)?;
        if let Err(refusal) = self.compare(&caller, needed) {
            // Refused calls are counted too, or a wrong caller could ask without end.
            self.limiter.take(&caller)?;
            if need.is_audited() && caller.identity.proof != Proof::None {
                self.audit.refused(&caller, &what(), refusal.reason.entry().name);
            }
            return Err(refusal);
        }
        if need.is_audited() || self.limiter.asks_others(&caller) {
            return Ok(Some(caller));
        }
        self.limiter.take(&caller)?;
        Ok(None)
    }

    fn compare(&self, caller: &Caller, needed: Role) -> Result<(), Box<Refusal>> {
        let role = caller.identity.role.max(self.anonymous.role);
        if role.is_none_or(|role| role < needed) {
            return Err(Box::new(missing(caller, role, needed)));
        }
        Ok(())
    }

    /// Whether whoever shows this may still do what takes this role.
    pub(super) fn may(
        &self,
        needed: Role,
        headers: &HeaderMap,
        peer: Option<&Peer>,
    ) -> Result<(), Box<Refusal>> {
        self.compare(&self.caller(headers, peer)?, needed)
    }

    /// The right that a stream goes on by; `None` where nobody is asked who they are.
    pub(super) fn lease(
        self: &Arc<Self>,
        need: Need,
        headers: &HeaderMap,
        peer: Option<&Peer>,
    ) -> Option<Lease> {
        let needed = need.role().filter(|_| self.credentials.are_configured())?;
        Some(Lease::new(self.clone(), needed, headers, peer))
    }

    fn caller(&self, headers: &HeaderMap, peer: Option<&Peer>) -> Result<Caller, Box<Refusal>> {
        let address = peer.map(|peer| peer.address);
        let nobody = || Caller { identity: self.anonymous.clone(), client: ClientId::at(address), address };
        // Whoever is in front of a server without identities may have keys of its own.
        if !self.credentials.are_configured() {
            return Ok(nobody());
        }
        match self.credentials.identify(headers, peer) {
            Ok(Some(identity)) => Ok(Caller { client: identity.client, identity, address }),
            Ok(None) => Ok(nobody()),
            Err(refusal) => {
                // Trying keys costs what asking costs.
                self.limiter.take(&nobody())?;
                Err(Box::new(refusal))
            }
        }
    }

    /// What takes time before a call: others count it. Then the call that is to be watched, if it is one of operators or admins.
    ///
    /// # Errors
    /// `RATE_LIMITED` and `QUOTA_EXCEEDED`.
    pub(super) async fn consider(
        &self,
        caller: Caller,
        need: Need,
        what: &str,
    ) -> Result<Option<AuditedCall>, Refusal> {
        let watched = need.is_audited();
        if let Err(refusal) = self.limiter.take_shared(&caller).await {
            names::count_access_refused(refusal.reason);
            if watched {
                self.audit.refused(&caller, what, refusal.reason.entry().name);
            }
            return Err(refusal);
        }
        Ok(watched.then(|| self.audit.begin(caller, what.to_owned())))
    }
}

fn missing(caller: &Caller, role: Option<Role>, needed: Role) -> Refusal {
    if caller.identity.proof == Proof::None {
        return Refusal::new(
            Reason::Unauthenticated,
            format!("this takes the role {needed}, and nobody is named"),
        );
    }
    let (proof, name) = (caller.identity.proof.name(), crate::reason::shorten(&caller.identity.name));
    let has = role.map_or_else(|| "no role".to_owned(), |role| format!("the role {role}"));
    Refusal::new(Reason::PermissionDenied, format!("the {proof} {name:?} has {has}, this takes {needed}"))
        .with("needed_role", needed)
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
