//! Elements as the protocol packs them: little-endian, one after another; a text has its length before it as an unsigned
//! number of four bytes.

use super::malformed;
use super::tensor::Elements;
use crate::reason::Refusal;

/// How many bytes say a text's length.
const LENGTH_BYTES: usize = 4;

/// Reads exactly `count` numbers.
pub(super) fn numbers(name: &str, bytes: &[u8], count: usize) -> Result<Vec<f64>, Refusal> {
    let (found, rest) = bytes.as_chunks::<8>();
    if found.len() != count || !rest.is_empty() {
        let (found, wanted) = (bytes.len(), count.saturating_mul(8));
        let message = format!("input {name} has {found} bytes of raw contents, its shape takes {wanted}");
        return Err(malformed(name, message));
    }
    Ok(found.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
}

/// Reads exactly `count` texts.
pub(super) fn texts(name: &str, bytes: &[u8], count: usize) -> Result<Vec<String>, Refusal> {
    let cut = |index: usize| {
        let message = format!("the raw contents of input {name} end within element {index} of {count}");
        malformed(name, message)
    };
    let mut texts = Vec::with_capacity(count);
    let mut rest = bytes;
    for index in 0..count {
        let (length, after) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or_else(|| cut(index))?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (text, after) = after.split_at_checked(length).ok_or_else(|| cut(index))?;
        texts.push(self::text(name, index, text)?);
        rest = after;
    }
    if !rest.is_empty() {
        let message = format!(
            "the raw contents of input {name} go on for {} bytes after its {count} elements",
            rest.len()
        );
        return Err(malformed(name, message));
    }
    Ok(texts)
}

/// One text.
pub(super) fn text(name: &str, index: usize, bytes: &[u8]) -> Result<String, Refusal> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(name, format!("element {index} of input {name} is no UTF-8: {error}")))?;
    Ok(text.to_owned())
}

impl Elements {
    /// The elements as the protocol packs them.
    #[must_use]
    pub fn to_raw(&self) -> Vec<u8> {
        match self {
            Self::Numbers(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Integers(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Texts(texts) => {
                let packed = |text: &String| {
                    // Texts of ours are names and digests.
                    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                    [&length.to_le_bytes()[..], text.as_bytes()].concat()
                };
                texts.iter().flat_map(packed).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, part: &str) {
        let refusal = result.expect_err(part);
        assert_eq!(refusal.reason, Reason::MalformedRequest);
        assert!(refusal.message.contains(part), "{refusal} does not say {part}");
    }

    #[test]
    fn numbers_keep_their_bits_and_another_length_is_refused() {
        let odd = [f64::NAN, -0.0, f64::from_bits(1), f64::INFINITY];
        let raw = Elements::Numbers(odd.to_vec()).to_raw();
        let back = numbers("features", &raw, 4).expect("four numbers");
        assert!(back.iter().zip(&odd).all(|(a, b)| a.to_bits() == b.to_bits()));
        for cut in 0..raw.len() {
            refused(numbers("features", &raw[..cut], 4), "its shape takes 32");
        }
        refused(numbers("features", &raw, 3), "has 32 bytes");
        refused(numbers("features", &raw, usize::MAX), "has 32 bytes");
        assert_eq!(numbers("features", &[], 0), Ok(Vec::new()));
    }

    #[test]
    fn texts_come_back_and_every_cut_is_refused() {
        let raw = Elements::Texts(vec!["BTCUSDT".into(), String::new(), "ÉTH".into()]).to_raw();
        assert_eq!(raw[..4], [7, 0, 0, 0]);
        assert_eq!(texts("symbol", &raw, 3).expect("three texts"), ["BTCUSDT", "", "ÉTH"]);
        for cut in 0..raw.len() {
            refused(texts("symbol", &raw[..cut], 3), "end within element");
        }
        refused(texts("symbol", &raw, 2), "go on for 8 bytes");
        refused(texts("symbol", &[0xff, 0xff, 0xff, 0xff, 65], 1), "end within element 0 of 1");
        refused(texts("symbol", &[1, 0, 0, 0, 0xff], 1), "element 0 of input symbol is no UTF-8");
    }

    #[test]
    fn no_bytes_at_all_can_do_harm() {
        let mut state = 7u64;
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    // Mostly small numbers, so that lengths are often believable.
                    ((state >> 60) as u8) % 5
                })
                .collect();
            for count in [0, 1, 7, 1_024] {
                if let Ok(read) = texts("symbol", &bytes, count) {
                    assert_eq!(Elements::Texts(read).to_raw(), bytes);
                }
                assert_eq!(numbers("features", &bytes, count).is_ok(), bytes.len() == 8 * count);
            }
        }
    }
}
