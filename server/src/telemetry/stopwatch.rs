//! How long a request takes. Where milliseconds do, the system's coarse clock is asked: a look at the exact one costs as much as
//! following the request.

use std::time::{Duration, Instant};

/// From this limit on the coarse clock's 1 to 10 milliseconds do.
const COARSE_FROM: Duration = Duration::from_millis(50);

/// A measurement under way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stopwatch {
    /// By the exact clock.
    Exact(Instant),
    /// By the coarse clock.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there is no coarse clock"))]
    Coarse(Duration),
}

impl Stopwatch {
    /// Starts one that is exact enough for this limit.
    pub(super) fn start(limit: Duration) -> Self {
        coarse_time()
            .filter(|_| limit >= COARSE_FROM)
            .map_or_else(|| Self::Exact(Instant::now()), Self::Coarse)
    }

    /// The time since the start.
    pub(super) fn elapsed(self) -> Duration {
        match self {
            Self::Exact(began) => began.elapsed(),
            Self::Coarse(began) => coarse_time().unwrap_or(began).saturating_sub(began),
        }
    }
}

/// The coarse clock's time since some moment.
#[cfg(target_os = "linux")]
fn coarse_time() -> Option<Duration> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    Some(Duration::new(u64::try_from(now.tv_sec).ok()?, u32::try_from(now.tv_nsec).ok()?))
}

#[cfg(not(target_os = "linux"))]
const fn coarse_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on_and_the_limit_chooses() {
        let (exact, coarse) = (Stopwatch::start(Duration::from_millis(1)), Stopwatch::start(Duration::MAX));
        assert!(matches!(exact, Stopwatch::Exact(_)));
        assert_eq!(matches!(coarse, Stopwatch::Coarse(_)), cfg!(target_os = "linux"));
        let until = Instant::now() + Duration::from_secs(30);
        while exact.elapsed().is_zero() || coarse.elapsed().is_zero() {
            assert!(Instant::now() < until, "a clock stands still: {exact:?}, {coarse:?}");
        }
    }
}
