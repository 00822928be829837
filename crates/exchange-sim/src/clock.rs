//! The exchange's time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kline::Milliseconds;
use tokio::time::Instant;

/// Either runs at a multiple of the wall's speed, or is moved on by the replay.
#[derive(Debug)]
pub(crate) enum Clock {
    Running { start: Milliseconds, speed: f64, origin: Instant },
    Stepped(AtomicI64),
}

impl Clock {
    /// A clock that shows `start` now; `speed` 0 waits to be moved.
    pub(crate) fn new(start: Milliseconds, speed: f64) -> Self {
        if speed > 0.0 {
            Self::Running { start, speed, origin: Instant::now() }
        } else {
            Self::Stepped(AtomicI64::new(start))
        }
    }

    pub(crate) fn now(&self) -> Milliseconds {
        match self {
            Self::Running { start, speed, origin } => {
                #[expect(clippy::cast_possible_truncation, reason = "saturates; centuries away")]
                let passed = (origin.elapsed().as_secs_f64() * 1_000.0 * speed) as i64;
                start.saturating_add(passed)
            }
            Self::Stepped(time) => time.load(Ordering::Acquire),
        }
    }

    /// Moves a stepped clock on; a running one takes no notice.
    pub(crate) fn step_to(&self, time: Milliseconds) {
        if let Self::Stepped(now) = self {
            now.fetch_max(time, Ordering::AcqRel);
        }
    }

    /// How long the wall takes until the clock shows `time`; nothing if that is past.
    pub(crate) fn wait_until(&self, time: Milliseconds) -> Duration {
        match self {
            Self::Running { start, speed, origin } => {
                #[expect(clippy::cast_precision_loss, reason = "exact below 285,000 years")]
                let seconds = (time - start) as f64 / 1_000.0 / speed;
                let whole = Duration::try_from_secs_f64(seconds.clamp(0.0, 1e9)).unwrap_or_default();
                whole.saturating_sub(origin.elapsed())
            }
            Self::Stepped(_) => Duration::ZERO,
        }
    }
}
