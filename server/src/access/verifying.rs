//! The keys that tokens are checked with. Each knows the one algorithm that it checks: what a token's header says chooses among
//! the keys, never what a key is used for.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// A secret of HS256 is as long as its hash at least (RFC 7518, 3.2).
const SECRET_BYTES_MIN: usize = 32;

/// Keys of a set that are looked at.
const SET_KEYS_MAX: usize = 100;

/// The shortest modulus of RSA, in bytes (2048 bits; RFC 7518, 3.3).
const MODULUS_BYTES_MIN: usize = 256;

/// Why keys cannot be used. Names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The secret is too short.
    #[error(
        "the secret has {0} bytes, HS256 takes at least {SECRET_BYTES_MIN}; make one with: openssl rand -hex 32"
    )]
    ShortSecret(usize),
    /// The set is none.
    #[error("it is no JWK set: {0}")]
    Set(String),
    /// The set has too many keys.
    #[error("the JWK set has more than {SET_KEYS_MAX} keys; leave out what signs nothing any more")]
    TooMany,
    /// There is no key.
    #[error(
        "there is no key of RS256, ES256 or EdDSA for signatures in it; a symmetric one belongs into a secret file"
    )]
    Empty,
}

/// A key and the one algorithm that it checks.
pub(super) struct VerifyingKey {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.algorithm, self.id)
    }
}

impl VerifyingKey {
    /// A secret of HS256, without the end of its line.
    pub(super) fn of_secret(secret: &[u8]) -> Result<Self, KeysError> {
        let secret = secret.trim_ascii_end();
        if secret.len() < SECRET_BYTES_MIN {
            return Err(KeysError::ShortSecret(secret.len()));
        }
        Ok(Self { id: None, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) })
    }

    /// The keys of a JWK set. Those of other algorithms and uses are passed over, as a set may have them (RFC 7517, 5).
    pub(super) fn of_set(text: &str) -> Result<Vec<Self>, KeysError> {
        let set: Value = serde_json::from_str(text).map_err(|error| KeysError::Set(error.to_string()))?;
        let Some(keys) = set.get("keys").and_then(Value::as_array) else {
            return Err(KeysError::Set("it has no list of keys".to_owned()));
        };
        if keys.len() > SET_KEYS_MAX {
            return Err(KeysError::TooMany);
        }
        let keys: Vec<Self> = keys.iter().filter_map(Self::of_jwk).collect();
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(keys) }
    }

    fn of_jwk(value: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        let common = &jwk.common;
        if common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return None;
        }
        let (algorithm, said) = match &jwk.algorithm {
            AlgorithmParameters::RSA(parameters) if is_long(&parameters.n) => {
                (Algorithm::RS256, KeyAlgorithm::RS256)
            }
            AlgorithmParameters::EllipticCurve(point)
                if point.curve == EllipticCurve::P256 && is_word(&point.x) && is_word(&point.y) =>
            {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            // The library takes a part of the key's bytes without a look at how many there are.
            AlgorithmParameters::OctetKeyPair(point)
                if point.curve == EllipticCurve::Ed25519 && is_word(&point.x) =>
            {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            // A symmetric key in a set that may be public would let anyone sign.
            _ => return None,
        };
        if common.key_algorithm.is_some_and(|named| named != said) {
            return None;
        }
        Some(Self { id: common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(&jwk).ok()? })
    }
}

/// Whether a coordinate in base64 has 32 bytes.
fn is_word(coordinate: &str) -> bool {
    coordinate.len() == 43
}

/// Whether a modulus in base64 is long enough.
fn is_long(modulus: &str) -> bool {
    modulus.len() * 3 / 4 >= MODULUS_BYTES_MIN
}
