//! How much each client may ask for: by itself, or together with other servers.

use std::time::Duration;

use super::local::Local;
use super::settings::AccessSettings;
use super::shared::Shared;
use super::{AccessError, Caller, Limits, Verdict};
use crate::reason::{Reason, Refusal};

/// The limits at work.
#[derive(Debug)]
pub(super) struct Limiter {
    everyone: Limits,
    local: Local,
    shared: Option<Shared>,
}

impl Limiter {
    pub(super) fn new(settings: &AccessSettings) -> Result<Self, AccessError> {
        let shared = settings.redis.as_ref().map(|url| Shared::new(url.address()));
        let shared = shared.transpose().map_err(|error| AccessError::Redis(error.category().to_owned()))?;
        Ok(Self { everyone: settings.limits, local: Local::new(settings.clients_max), shared })
    }

    fn limits_of(&self, caller: &Caller) -> Option<Limits> {
        let limits = caller.identity.limits.unwrap_or(self.everyone);
        (!limits.are_none()).then_some(limits)
    }

    /// Whether a call of this caller has to be counted over Redis.
    pub(super) fn asks_others(&self, caller: &Caller) -> bool {
        self.shared.is_some() && self.limits_of(caller).is_some()
    }

    /// Counts a call here.
    pub(super) fn take(&self, caller: &Caller) -> Result<(), Refusal> {
        match self.limits_of(caller) {
            None => Ok(()),
            Some(limits) => judged(self.local.take(caller.client, &limits), &limits),
        }
    }

    /// Counts a call over Redis, or here when it does not answer.
    pub(super) async fn take_shared(&self, caller: &Caller) -> Result<(), Refusal> {
        let (Some(limits), Some(shared)) = (self.limits_of(caller), &self.shared) else {
            return self.take(caller);
        };
        match shared.take(caller.client, &limits).await {
            Some(verdict) => judged(verdict, &limits),
            None => self.take(caller),
        }
    }
}

fn judged(verdict: Verdict, limits: &Limits) -> Result<(), Refusal> {
    let refusal = |reason, message, wait: Duration| {
        let mut refusal = Refusal::new(reason, message);
        refusal.retry_after = Some(wait);
        Err(refusal)
    };
    match verdict {
        Verdict::Taken => Ok(()),
        Verdict::TooFast { wait } => {
            let (pace, burst) = (limits.per_second, limits.at_once());
            let message = format!("more than {pace} calls a second, and {burst} at once");
            refusal(Reason::RateLimited, message, wait)
        }
        Verdict::QuotaSpent { wait } => {
            let message = format!("the {} calls of this UTC day are used up", limits.per_day);
            refusal(Reason::QuotaExceeded, message, wait)
        }
    }
}
