//! Who calls.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use sha2::{Digest as _, Sha256};

use super::{Limits, Role};

/// How a caller showed who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Not at all.
    None,
    /// By an API key.
    Key,
    /// By a signed token.
    Token,
    /// By a client certificate.
    Certificate,
}

impl Proof {
    /// Its name in logs and in the audit file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Key => "key",
            Self::Token => "token",
            Self::Certificate => "certificate",
        }
    }
}

/// A caller that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// How it showed who it is.
    pub proof: Proof,
    /// Its name: never a secret.
    pub name: String,
    /// What it may do; `None` is nothing.
    pub role: Option<Role>,
    /// Its own limits in place of those for everyone.
    pub limits: Option<Limits>,
    /// Whose calls are counted together.
    pub client: ClientId,
}

impl Identity {
    /// A caller by its proof and name. `issuer` keeps apart who has the same name at two issuers of tokens.
    #[must_use]
    pub fn new(proof: Proof, issuer: &str, name: &str, role: Option<Role>, limits: Option<Limits>) -> Self {
        let client = ClientId::named(proof, issuer, name);
        Self { proof, name: name.to_owned(), role, limits, client }
    }
}

/// Whose calls are counted together: a known caller, or an address. It names nobody by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId {
    /// Whether it is a known caller.
    pub known: bool,
    /// The digest of the caller's name, or the address.
    pub bytes: [u8; 16],
}

impl ClientId {
    fn named(proof: Proof, issuer: &str, name: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [proof.name(), issuer, name] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self { known: true, bytes }
    }

    /// The callers at an address. Of IPv6 the first 64 bits count: one subscriber has all the rest.
    #[must_use]
    pub fn at(address: Option<SocketAddr>) -> Self {
        let bytes = match address.map(|address| address.ip().to_canonical()) {
            Some(IpAddr::V4(address)) => address.to_ipv6_mapped().octets(),
            Some(IpAddr::V6(address)) => {
                let mut octets = address.octets();
                octets[8..].fill(0);
                octets
            }
            None => Ipv6Addr::UNSPECIFIED.octets(),
        };
        Self { known: false, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_apart_by_proof_issuer_and_name() {
        let ids = [
            ClientId::named(Proof::Key, "", "ab"),
            ClientId::named(Proof::Token, "", "ab"),
            ClientId::named(Proof::Token, "a", "b"),
            ClientId::named(Proof::Token, "b", "a"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id));
        }
        assert_eq!(ids[0], ClientId::named(Proof::Key, "", "ab"));
    }

    #[test]
    fn one_network_is_one_client() {
        let at = |text: &str| ClientId::at(text.parse().ok());
        assert_eq!(at("[2001:db8::1]:1"), at("[2001:db8::ffff]:2"));
        assert_ne!(at("[2001:db8::1]:1"), at("[2001:db8:0:1::1]:1"));
        assert_eq!(at("[::ffff:10.0.0.1]:1"), at("10.0.0.1:9"));
        assert_ne!(at("10.0.0.1:1"), at("10.0.0.2:1"));
    }
}
