//! The only place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock, for the registry's history alone: nothing that is hashed or trained reads it.
pub(crate) fn now() -> kline::Milliseconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
