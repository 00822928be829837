//! One symbol's feature row, how far it can be trusted, and its hash.

use std::fmt;

use kline::BarTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The features of one symbol at one sealed bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// The bar that the row is of.
    pub bar: BarTime,
    /// One value a feature in catalogue order; NaN where it is not yet warm or its input is missing.
    pub values: &'a [f64],
    /// How far the row can be trusted.
    pub quality: Quality,
}

/// How far a row can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quality {
    /// How many features are finite numbers.
    pub warm_features: u16,
    /// How many features the catalogue has.
    pub total: u16,
    /// How many of the last 96 bars were carried over a gap instead of traded.
    pub carried_bars: u16,
    /// How many features are NaN although the symbol's history is long enough: an input column is missing, or
    /// the value is not finite.
    pub missing_inputs: u16,
}

/// A fingerprint of a row's bits: the first 16 bytes of the SHA-256 over its values, little endian, every NaN
/// written as the one quiet NaN and a negative zero as zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RowHash(pub [u8; 16]);

impl RowHash {
    /// Hashes a row's values.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut hasher = Sha256::new();
        for value in values {
            hasher.update(canonical_bits(*value).to_le_bytes());
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        Self(hash)
    }
}

/// The bits of a value with one NaN and one zero.
fn canonical_bits(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits()
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

impl fmt::Display for RowHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for RowHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowHash({self})")
    }
}

impl From<RowHash> for String {
    fn from(hash: RowHash) -> Self {
        hash.to_string()
    }
}

impl Serialize for RowHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 16];
        hex::decode_to_slice(&text, &mut hash).map_err(|error| {
            serde::de::Error::custom(format!("row hash {text:?} is not 32 hex digits: {error}"))
        })?;
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nan_and_both_zeros_hash_alike_and_one_bit_differs() {
        let odd_nan = f64::from_bits(f64::NAN.to_bits() | 1 | 1 << 63);
        assert_eq!(RowHash::of(&[f64::NAN, 0.0]), RowHash::of(&[odd_nan, -0.0]));
        assert_ne!(RowHash::of(&[1.0]), RowHash::of(&[f64::from_bits(1.0f64.to_bits() + 1)]));
    }

    #[test]
    fn a_hash_reads_back_from_json_and_bad_text_is_refused() {
        let hash = RowHash::of(&[1.0, 2.0]);
        let text = serde_json::to_string(&hash).expect("a string");
        assert_eq!(serde_json::from_str::<RowHash>(&text).expect("32 digits"), hash);
        assert!(serde_json::from_str::<RowHash>("\"12\"").is_err());
    }
}
