//! The header `traceparent` of the W3C recommendation "Trace Context".

use std::fmt;

/// How long version 00 of the header is.
const LENGTH: usize = 55;

/// The bit of the flags that says that the caller records this trace.
const SAMPLED: u8 = 1;

/// A place in a trace: whose part something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceParent {
    /// The trace; not zero.
    pub(super) trace_id: u128,
    /// The span in it; not zero.
    pub(super) span_id: u64,
    /// Whether the trace is recorded.
    pub(super) sampled: bool,
}

impl TraceParent {
    /// Reads a header. `None` for anything but what the recommendation allows; a later version may have more behind what is
    /// known, as it demands.
    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        let (known, rest) = header.split_at_checked(LENGTH)?;
        let version = number(&known[..2])?;
        let further = version > 0 && rest.first() == Some(&b'-');
        if version == 0xff || !(rest.is_empty() || further) {
            return None;
        }
        if [2, 35, 52].iter().any(|&place| known[place] != b'-') {
            return None;
        }
        let trace_id = number(&known[3..35])?;
        let span_id = u64::try_from(number(&known[36..52])?).ok()?;
        let flags = u8::try_from(number(&known[53..55])?).ok()?;
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, sampled: flags & SAMPLED != 0 })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// A number of at most 32 hexadecimal digits, small letters only.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |sum, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(sum << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_read_is_written_again() {
        let read = TraceParent::parse(HEADER.as_bytes());
        assert_eq!(read.map(|parent| parent.to_string()).as_deref(), Some(HEADER));
        assert!(read.is_some_and(|parent| parent.sampled && parent.span_id == 0xb7ad_6b71_6920_3331));
        let unsampled = HEADER.replace("-01", "-00");
        assert!(TraceParent::parse(unsampled.as_bytes()).is_some_and(|parent| !parent.sampled));
    }

    #[test]
    fn a_later_version_may_say_more_and_this_one_may_not() {
        assert!(TraceParent::parse(format!("01{}-more", &HEADER[2..]).as_bytes()).is_some());
        assert!(TraceParent::parse(format!("01{}", &HEADER[2..]).as_bytes()).is_some());
        assert!(TraceParent::parse(format!("01{}more", &HEADER[2..]).as_bytes()).is_none());
        assert!(TraceParent::parse(format!("{HEADER}-more").as_bytes()).is_none());
    }

    #[test]
    fn anything_else_is_none() {
        let zero_trace = HEADER.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32));
        let zero_span = HEADER.replace("b7ad6b7169203331", &"0".repeat(16));
        let (large, forbidden) = (HEADER.to_uppercase(), format!("ff{}", &HEADER[2..]));
        let spaced = HEADER.replace('-', " ");
        for text in ["", "00", "-", &HEADER[..54], &zero_trace, &zero_span, &large, &forbidden, &spaced] {
            assert_eq!(TraceParent::parse(text.as_bytes()), None, "{text}");
        }
        for place in 0..HEADER.len() {
            let mut bytes = HEADER.as_bytes().to_vec();
            bytes[place] = 0xc3;
            assert_eq!(TraceParent::parse(&bytes), None, "{place}");
        }
    }
}
