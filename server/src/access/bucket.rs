//! How much one client may ask for: a token bucket for its pace and a quota for its day. Pure: the time comes in.

use std::time::Duration;

/// Milliseconds of a UTC day.
const DAY_MS: i64 = 86_400_000;

/// What a client may ask for. Zero is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Calls a second over time.
    pub per_second: f64,
    /// Calls at once; at least 1 where there is a pace.
    pub burst: f64,
    /// Calls a UTC day.
    pub per_day: u64,
}

impl Limits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.per_second <= 0.0 && self.per_day == 0
    }

    /// Calls at once: as said, else those of one second, and at least one.
    #[must_use]
    pub fn at_once(&self) -> f64 {
        if self.burst >= 1.0 { self.burst } else { self.per_second.max(1.0) }
    }
}

/// A moment by two clocks: one that never goes back, and the day's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Time since the process began.
    pub running: Duration,
    /// Unix milliseconds.
    pub wall_ms: i64,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on and is counted.
    Taken,
    /// Too many calls a second; it is not counted.
    TooFast {
        /// When one more is free.
        wait: Duration,
    },
    /// The day's calls are used up; it is not counted.
    QuotaSpent {
        /// When the next day begins.
        wait: Duration,
    },
}

/// What a client has used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    free: f64,
    seen: Duration,
    day: i64,
    today: u64,
}

impl Usage {
    /// A client that has used nothing.
    #[must_use]
    pub fn new(limits: &Limits, now: Moment) -> Self {
        Self { free: limits.at_once(), seen: now.running, day: now.wall_ms.div_euclid(DAY_MS), today: 0 }
    }

    /// Takes one call, if it may be taken.
    pub fn take(&mut self, limits: &Limits, now: Moment) -> Verdict {
        let day = now.wall_ms.div_euclid(DAY_MS);
        if day != self.day {
            (self.day, self.today) = (day, 0);
        }
        if limits.per_second > 0.0 {
            let passed = now.running.saturating_sub(self.seen).as_secs_f64();
            self.free = (self.free + passed * limits.per_second).min(limits.at_once());
        }
        self.seen = self.seen.max(now.running);
        if limits.per_day > 0 && self.today >= limits.per_day {
            return Verdict::QuotaSpent { wait: until_tomorrow(now.wall_ms) };
        }
        if limits.per_second > 0.0 {
            if self.free < 1.0 {
                let seconds = ((1.0 - self.free) / limits.per_second).min(DAY_MS as f64 / 1e3);
                return Verdict::TooFast { wait: Duration::from_secs_f64(seconds) };
            }
            self.free -= 1.0;
        }
        self.today = self.today.saturating_add(1);
        Verdict::Taken
    }
}

/// The time until the next UTC day.
#[must_use]
pub fn until_tomorrow(wall_ms: i64) -> Duration {
    Duration::from_millis((DAY_MS - wall_ms.rem_euclid(DAY_MS)).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> Moment {
        Moment { running: Duration::from_millis(ms), wall_ms: i64::try_from(ms).unwrap_or(i64::MAX) }
    }

    #[test]
    fn a_burst_passes_then_one_call_for_each_pause() {
        let limits = Limits { per_second: 2.0, burst: 3.0, per_day: 0 };
        let mut usage = Usage::new(&limits, at(0));
        for _ in 0..3 {
            assert_eq!(usage.take(&limits, at(0)), Verdict::Taken);
        }
        assert_eq!(usage.take(&limits, at(0)), Verdict::TooFast { wait: Duration::from_millis(500) });
        assert_eq!(usage.take(&limits, at(500)), Verdict::Taken);
        assert!(matches!(usage.take(&limits, at(600)), Verdict::TooFast { .. }));
    }

    #[test]
    fn a_quota_holds_until_midnight_and_a_refused_call_costs_nothing() {
        let limits = Limits { per_second: 0.0, burst: 0.0, per_day: 2 };
        let late = 86_400_000 - 1_000;
        let mut usage = Usage::new(&limits, at(late));
        assert_eq!([usage.take(&limits, at(late)), usage.take(&limits, at(late))], [Verdict::Taken; 2]);
        for _ in 0..5 {
            assert_eq!(usage.take(&limits, at(late)), Verdict::QuotaSpent { wait: Duration::from_secs(1) });
        }
        assert_eq!(usage.take(&limits, at(late + 1_000)), Verdict::Taken);
    }

    proptest! {
        /// Whatever comes when: never more in any stretch of time than the burst and the pace give, and who keeps the pace is
        /// never refused.
        #[test]
        fn no_stretch_gives_more_than_burst_and_pace(
            pauses in prop::collection::vec(0_u64..2_000, 1..200),
            per_second in 1_u32..50,
            burst in 1_u32..20,
        ) {
            let limits = Limits { per_second: f64::from(per_second), burst: f64::from(burst), per_day: 0 };
            let mut usage = Usage::new(&limits, at(0));
            let (mut now, mut taken) = (0, Vec::new());
            for pause in pauses {
                now += pause;
                if usage.take(&limits, at(now)) == Verdict::Taken {
                    taken.push(now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, until) in taken.iter().enumerate().skip(first) {
                    let most = limits.burst + (until - from) as f64 / 1e3 * limits.per_second;
                    prop_assert!((last - first + 1) as f64 <= most + 1e-6);
                }
            }
        }

        #[test]
        fn who_waits_as_told_is_let_in(per_second in 0.01_f64..1_000.0, burst in 1_u32..5, calls in 1_usize..30) {
            let limits = Limits { per_second, burst: f64::from(burst), per_day: 0 };
            let mut usage = Usage::new(&limits, at(0));
            let mut now = Duration::ZERO;
            for _ in 0..calls {
                let moment = |running| Moment { running, wall_ms: 0 };
                if let Verdict::TooFast { wait } = usage.take(&limits, moment(now)) {
                    now += wait + Duration::from_micros(1);
                    prop_assert_eq!(usage.take(&limits, moment(now)), Verdict::Taken);
                }
            }
        }

        #[test]
        fn a_clock_that_goes_back_gives_nothing(back in 1_u64..10_000) {
            let limits = Limits { per_second: 1.0, burst: 1.0, per_day: 0 };
            let mut usage = Usage::new(&limits, at(10_000));
            prop_assert_eq!(usage.take(&limits, at(10_000)), Verdict::Taken);
            let refused = matches!(usage.take(&limits, at(10_000 - back)), Verdict::TooFast { .. });
            prop_assert!(refused);
            let refused = matches!(usage.take(&limits, at(10_000)), Verdict::TooFast { .. });
            prop_assert!(refused);
        }
    }
}
