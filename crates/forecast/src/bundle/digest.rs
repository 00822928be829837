//! The name of a bundle: the SHA-256 of its manifest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of a bundle's `manifest.json`, which names the SHA-256 of every other file. Written as 64 hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BundleDigest(pub [u8; 32]);

/// A text that is no bundle digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bundle digest {0:?} is not 64 hexadecimal digits")]
pub struct DigestError(String);

impl BundleDigest {
    /// The digest of a manifest's bytes.
    #[must_use]
    pub fn of(manifest: &[u8]) -> Self {
        Self(Sha256::digest(manifest).into())
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for BundleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BundleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BundleDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DigestError(text.chars().take(80).collect()))?;
        Ok(Self(bytes))
    }
}

impl From<BundleDigest> for String {
    fn from(digest: BundleDigest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for BundleDigest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_and_anything_else_is_refused() {
        let digest = BundleDigest::of(b"manifest");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().starts_with(&digest.short()));
        assert!("12".parse::<BundleDigest>().is_err());
        assert!("z".repeat(64).parse::<BundleDigest>().is_err());
    }
}
