//! The identifier by which a request is found again: in its answer, in logs, spans and error reports.

use std::cell::{Cell, RefCell};
use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::{BufMut, BytesMut};

/// The header of requests and answers, over gRPC and HTTP.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest identifier that is taken from a caller.
const LENGTH_MAX: usize = 64;

/// How long one is that is made here.
const MADE_LENGTH: usize = 16;

/// Identifiers made here share blocks of so many bytes, so that hardly any needs memory of its own.
const BLOCK_BYTES: usize = 4_096;

/// A request's identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestId {
    /// The caller's.
    Given(HeaderValue),
    /// Made here.
    Made(u64),
}

impl RequestId {
    /// The caller's if it is of 1 to 64 letters, digits, `-`, `_` or `.`; else this number.
    pub(super) fn of(headers: &HeaderMap, number: u64) -> Self {
        match headers.get(REQUEST_ID) {
            Some(given) if is_well_formed(given.as_bytes()) => Self::Given(given.clone()),
            _ => Self::Made(number),
        }
    }

    /// As it is answered.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        thread_local! {
            static BLOCK: RefCell<BytesMut> = RefCell::new(BytesMut::new());
        }
        let number = match self {
            Self::Given(value) => return Some(value.clone()),
            Self::Made(number) => *number,
        };
        let written = BLOCK.try_with(|block| {
            let mut block = block.try_borrow_mut().ok()?;
            if block.capacity() < MADE_LENGTH {
                block.reserve(BLOCK_BYTES);
            }
            for place in (0..MADE_LENGTH).rev() {
                let digit = number >> (4 * place) & 0xf;
                block.put_u8(b"0123456789abcdef"[digit as usize]);
            }
            Some(block.split().freeze())
        });
        let mut value = HeaderValue::from_maybe_shared(written.ok()??).ok()?;
        // Each is another: in the connection's table of headers it would only be in the way.
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(value) => f.write_str(value.to_str().unwrap_or_default()),
            Self::Made(number) => write!(f, "{number:016x}"),
        }
    }
}

fn is_well_formed(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=LENGTH_MAX).contains(&text.len()) && text.iter().all(allowed)
}

/// The next number: another one each time in one process, as good as random over all. Takes no lock.
pub(super) fn next_number() -> u64 {
    thread_local! {
        static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    }
    STATE
        .try_with(|state| {
            let before = state.get().unwrap_or_else(rand::random);
            state.set(Some(before.wrapping_add(0x9e37_79b9_7f4a_7c15)));
            mix(before)
        })
        .unwrap_or_else(|_| rand::random())
}

/// SplitMix64's finish (Steele, Lea, Flood 2014): every number to another one, and neighbours far apart.
const fn mix(state: u64) -> u64 {
    let state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn of(text: &[u8]) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(text).expect("a header"));
        RequestId::of(&headers, 7)
    }

    #[test]
    fn only_what_is_short_and_plain_is_taken_from_a_caller() {
        let longest = "a".repeat(LENGTH_MAX);
        for text in ["1", "9f.A_b-7", &longest] {
            assert_eq!(of(text.as_bytes()).to_string(), text);
            assert_eq!(
                of(text.as_bytes()).header().as_ref().map(HeaderValue::as_bytes),
                Some(text.as_bytes())
            );
        }
        let too_long = "a".repeat(LENGTH_MAX + 1);
        for text in ["", " ", "a b", "a\tb", "a\"b", "a/b", "a=b", &too_long] {
            assert_eq!(of(text.as_bytes()), RequestId::Made(7), "{text}");
        }
        assert_eq!(of(b"\xff"), RequestId::Made(7));
        assert_eq!(RequestId::of(&HeaderMap::new(), 7), RequestId::Made(7));
    }

    #[test]
    fn what_is_answered_is_what_is_shown() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            let made = RequestId::Made(number);
            let header = made.header().expect("a header");
            assert_eq!(header.to_str().expect("a text"), made.to_string());
            assert_eq!(made.to_string().len(), MADE_LENGTH);
        }
    }

    #[test]
    fn numbers_differ() {
        let numbers: BTreeSet<u64> = (0..10_000).map(|_| next_number()).collect();
        assert_eq!(numbers.len(), 10_000);
    }
}
