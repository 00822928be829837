//! Who may do what, and how much of it, as it is set.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::tokens::TokenSettings;
use super::{Limits, Role};

/// What callers who show nothing may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anonymous {
    /// Everything where no identities are configured, nothing where they are.
    Auto,
    /// Nothing.
    Nothing,
    /// What this role may do.
    Role(Role),
}

impl Anonymous {
    /// Their role, where identities are configured or not.
    #[must_use]
    pub const fn role(self, configured: bool) -> Option<Role> {
        match self {
            Self::Auto if configured => None,
            Self::Auto => Some(Role::Admin),
            Self::Nothing => None,
            Self::Role(role) => Some(role),
        }
    }
}

impl FromStr for Anonymous {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::Nothing),
            _ => text
                .parse()
                .map(Self::Role)
                .map_err(|_| "use auto, none, reader, operator or admin".to_owned()),
        }
    }
}

/// The address of Redis, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    pub(crate) const fn new(address: String) -> Self {
        Self(address)
    }

    /// The address with its password, for connecting.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.0
    }

    /// An address as it may be shown.
    #[must_use]
    pub fn masked(text: &str) -> String {
        let Some((scheme, rest)) = text.split_once("://") else { return "***".to_owned() };
        match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://***@{host}"),
            None => format!("{scheme}://{rest}"),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::masked(&self.0))
    }
}

/// Who may do what, and how much of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessSettings {
    /// The file with API keys and the names of client certificates.
    pub keys_file: Option<PathBuf>,
    /// Whose signed tokens are believed.
    pub tokens: Option<TokenSettings>,
    /// Whether to listen to other machines although nobody is asked who it is.
    pub open: bool,
    /// What callers who show nothing may do.
    pub anonymous: Anonymous,
    /// How often the files of keys and certificates are looked at.
    pub reload_every: Duration,
    /// The limits of whoever has none of its own.
    pub limits: Limits,
    /// How many known callers, and how many addresses, are remembered.
    pub clients_max: usize,
    /// Where limits are shared with other servers.
    pub redis: Option<RedisUrl>,
}
