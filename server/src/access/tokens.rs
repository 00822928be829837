//! Signed tokens (JWT): whom to believe, and what they say.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::recent::Recent;
use super::verifying::{KeysError, VerifyingKey};
use super::{Identity, Proof, claims};
use crate::reason::shorten;

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Tokens whose check is remembered until they expire; the ones used last.
const REMEMBERED_MAX: usize = 16 * 1024;

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSettings {
    /// A file with the secret of HS256.
    pub secret_file: Option<PathBuf>,
    /// A file with a JWK set, for RS256, ES256 and EdDSA.
    pub jwks_file: Option<PathBuf>,
    /// Who must have issued a token.
    pub issuer: String,
    /// For whom it must be.
    pub audience: String,
    /// How far clocks may be apart, in seconds.
    pub leeway_seconds: u64,
    /// Where the roles stand.
    pub roles_claim: String,
}

/// Why a token is not believed. Says nothing that is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too long.
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// It is no token.
    #[error("the token cannot be read, or its algorithm is none of HS256, RS256, ES256 and EdDSA")]
    Unreadable,
    /// Its header demands something that nobody here understands.
    #[error("the token's header demands an extension (crit) that is not known here")]
    Critical,
    /// No key of its algorithm and name.
    #[error("no key of the token's algorithm and key id is known here")]
    NoKey,
    /// The signature does not fit.
    #[error("the token's signature does not fit")]
    Signature,
    /// It has expired, or is not valid yet.
    #[error("the token has expired or is not valid yet")]
    Time,
    /// Somebody else issued it.
    #[error("the token is not of the issuer that is believed here")]
    Issuer,
    /// It is for somebody else.
    #[error("the token is not meant for this server (aud)")]
    Audience,
    /// A claim is missing or has another shape.
    #[error("the token lacks exp, iss, aud or sub, or one has another shape")]
    Claims,
}

#[derive(Debug, Clone)]
struct Remembered {
    identity: Arc<Identity>,
    expires_s: u64,
}

/// What checks tokens: the keys, and the tokens that were checked with them. A reload of the keys makes a new one, so that what a
/// key has signed is forgotten with it.
#[derive(Debug)]
pub struct Tokens {
    keys: Vec<VerifyingKey>,
    settings: TokenSettings,
    remembered: Mutex<Recent<[u8; 32], Remembered>>,
}

impl Tokens {
    /// Takes the texts of the secret and of the JWK set.
    ///
    /// # Errors
    /// A secret that is too short, a set that is none, or no key at all.
    pub fn new(
        settings: TokenSettings,
        secret: Option<&[u8]>,
        jwks: Option<&str>,
    ) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        if let Some(secret) = secret {
            keys.push(VerifyingKey::of_secret(secret)?);
        }
        if let Some(jwks) = jwks {
            keys.extend(VerifyingKey::of_set(jwks)?);
        }
        if keys.is_empty() {
            return Err(KeysError::Empty);
        }
        Ok(Self { keys, settings, remembered: Mutex::new(Recent::new(REMEMBERED_MAX)) })
    }

    /// Checks a token at a time (Unix seconds) and says whose it is.
    ///
    /// # Errors
    /// Every reason not to believe it.
    pub fn verify(&self, token: &str, now_s: u64) -> Result<Arc<Identity>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.remembered().get(digest)
            && now_s < known.expires_s
        {
            return Ok(known.identity.clone());
        }
        let (identity, expires_s) = self.check(token)?;
        let identity = Arc::new(identity);
        self.remembered().put(digest, Remembered { identity: identity.clone(), expires_s });
        Ok(identity)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Recent<[u8; 32], Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, token: &str) -> Result<(Identity, u64), TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Unreadable)?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let key = self.key_for(&header).ok_or(TokenError::NoKey)?;
        let decoded =
            decode::<Value>(token, &key.key, &self.validation(key.algorithm)).map_err(|error| match error
                .kind()
            {
                ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => TokenError::Time,
                ErrorKind::InvalidIssuer => TokenError::Issuer,
                ErrorKind::InvalidAudience => TokenError::Audience,
                ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => TokenError::Signature,
                ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => TokenError::Claims,
                _ => TokenError::Unreadable,
            })?;
        let claims = decoded.claims;
        let subject = claims.get("sub").and_then(Value::as_str).ok_or(TokenError::Claims)?;
        let expires = claims.get("exp").and_then(Value::as_f64).ok_or(TokenError::Claims)?;
        let role = claims::role(&claims, &self.settings.roles_claim);
        let mut identity = Identity::new(Proof::Token, &self.settings.issuer, subject, role, None);
        // The whole subject tells clients apart; logs have its beginning.
        identity.name = shorten(subject);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        Ok((identity, (expires as u64).saturating_add(self.settings.leeway_seconds)))
    }

    /// The key that a token's header asks for: of exactly its algorithm, and of its name if both have one. Without a name there
    /// must be only one.
    fn key_for(&self, header: &Header) -> Option<&VerifyingKey> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithm == header.alg
                && match (&key.id, &header.kid) {
                    (Some(known), Some(asked)) => known == asked,
                    _ => true,
                }
        });
        let first = fitting.next()?;
        let clear = header.kid.is_some() || fitting.next().is_none();
        clear.then_some(first)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.settings.leeway_seconds;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
