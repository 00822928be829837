//! Floats in JSON without loss: a finite number is written as the shortest decimal that reads back to the same
//! bits, anything else as the string `bits:` and sixteen hexadecimal digits.
//!
//! For use with `#[serde(with = "...")]`.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One float, written without loss.
#[derive(Clone, Copy)]
pub(crate) struct Exact(pub(crate) f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.collect_str(&format_args!("bits:{:016x}", self.0.to_bits()))
        }
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExactVisitor).map(Exact)
    }
}

struct ExactVisitor;

impl Visitor<'_> for ExactVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or \"bits:\" and sixteen hexadecimal digits")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "an integer in JSON text is the float that it was written from"
    )]
    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "an integer in JSON text is the float that it was written from"
    )]
    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        text.strip_prefix("bits:")
            .filter(|digits| digits.len() == 16)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .map(f64::from_bits)
            .ok_or_else(|| E::custom(format_args!("{text:?} is not a float's bits")))
    }
}

/// One float.
pub(crate) mod scalar {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Exact(*value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Exact::deserialize(deserializer).map(|exact| exact.0)
    }
}

/// A list of floats: `Vec<f64>` or `Arc<[f64]>`.
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(values.len()))?;
        for value in values {
            list.serialize_element(&Exact(*value))?;
        }
        list.end()
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: From<Vec<f64>>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        deserializer.deserialize_seq(ListVisitor).map(T::from)
    }

    struct ListVisitor;

    impl<'de> Visitor<'de> for ListVisitor {
        type Value = Vec<f64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of numbers")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<f64>, A::Error> {
            let mut values = Vec::with_capacity(list.size_hint().unwrap_or(0).min(4096));
            while let Some(Exact(value)) = list.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
    }
}

/// Whether two lists hold the same bits.
pub(crate) fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_float_comes_back_with_its_bits() -> Result<(), serde_json::Error> {
        let odd = f64::from_bits(0x7ff8_0000_dead_beef);
        for value in [0.0, -0.0, 0.1, 1e300, 5e-324, 1.0, -3.0, f64::NAN, odd, f64::INFINITY, 2f64.powi(60)] {
            let text = serde_json::to_string(&Exact(value))?;
            let back: Exact = serde_json::from_str(&text)?;
            assert_eq!(back.0.to_bits(), value.to_bits(), "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_float_is_refused() {
        for text in ["\"bits:7ff\"", "\"NaN\"", "\"bits:zzzzzzzzzzzzzzzz\"", "null"] {
            assert!(serde_json::from_str::<Exact>(text).is_err(), "{text}");
        }
    }
}
