//! The only place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use kline::Milliseconds;

/// Milliseconds since the Unix epoch by this machine's clock: for the registry's history, never for forecasts.
#[must_use]
pub(crate) fn wall_time() -> Milliseconds {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Milliseconds::try_from(passed.as_millis()).unwrap_or(Milliseconds::MAX)
}
