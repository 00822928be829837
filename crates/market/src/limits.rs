//! Request-weight accounting. Pure: time comes in as an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::RestReply;

const WINDOW: Duration = Duration::from_secs(60);

/// How much request weight one address has left in the present minute. It counts what is sent, takes over the
/// exchange's own count when that is higher, and keeps still while the exchange asks to wait.
///
/// Source: Binance spot API, "Limits" (`X-MBX-USED-WEIGHT-1M`, `Retry-After` on 429 and 418).
#[derive(Debug, Clone)]
pub struct WeightBudget {
    limit: u32,
    used: u32,
    window_start: Option<Instant>,
    blocked_until: Option<Instant>,
}

impl WeightBudget {
    /// A full budget of `limit` weight a minute.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { limit, used: 0, window_start: None, blocked_until: None }
    }

    /// Weight used in the present minute.
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.used
    }

    /// Takes `weight` and answers `None`, or takes nothing and says how long to wait before asking again.
    pub fn reserve(&mut self, weight: u32, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until {
            if now < until {
                return Some(until - now);
            }
            self.blocked_until = None;
        }
        let start = self.roll(now);
        // A single request heavier than the whole budget is let through alone: the exchange decides about it.
        if self.used > 0 && self.used.saturating_add(weight) > self.limit {
            return Some(start + WINDOW - now);
        }
        self.used = self.used.saturating_add(weight);
        None
    }

    /// Takes over the exchange's own count from an answer's header. A lower count is an older answer.
    pub fn observe(&mut self, used: u32, now: Instant) {
        self.roll(now);
        self.used = self.used.max(used);
    }

    /// Takes over what an answer says about the budget: the exchange's count, and how long to keep still.
    pub fn heed(&mut self, reply: &RestReply, now: Instant) {
        if let Some(used) = reply.used_weight {
            self.observe(used, now);
        }
        if matches!(reply.status, 418 | 429) {
            self.block(reply.retry_after.unwrap_or(WINDOW), now);
        }
    }

    /// Grants nothing for `wait`.
    pub fn block(&mut self, wait: Duration, now: Instant) {
        let until = now + wait;
        self.blocked_until = Some(self.blocked_until.map_or(until, |present| present.max(until)));
    }

    /// Begins a new window when the present one is over; says when the present one began.
    fn roll(&mut self, now: Instant) -> Instant {
        match self.window_start {
            Some(start) if now < start + WINDOW => start,
            _ => {
                self.window_start = Some(now);
                self.used = 0;
                now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_budget_is_spent_once_a_minute() {
        let start = Instant::now();
        let mut budget = WeightBudget::new(5);
        assert_eq!(budget.reserve(2, start), None);
        assert_eq!(budget.reserve(2, start), None);
        assert_eq!(budget.reserve(2, start + Duration::from_secs(20)), Some(Duration::from_secs(40)));
        assert_eq!(budget.reserve(2, start + Duration::from_secs(60)), None);
        assert_eq!(budget.used(), 2);
    }

    #[test]
    fn the_exchanges_higher_count_and_its_wish_to_wait_hold() {
        let start = Instant::now();
        let mut budget = WeightBudget::new(100);
        assert_eq!(budget.reserve(2, start), None);
        budget.observe(99, start);
        assert_eq!(budget.reserve(2, start), Some(WINDOW));
        budget.block(Duration::from_secs(300), start);
        budget.block(Duration::from_secs(10), start);
        assert_eq!(budget.reserve(2, start + WINDOW), Some(Duration::from_secs(240)));
        assert_eq!(budget.reserve(2, start + Duration::from_secs(300)), None);
    }

    #[test]
    fn one_request_above_the_whole_budget_does_not_wait_for_ever() {
        assert_eq!(WeightBudget::new(1).reserve(40, Instant::now()), None);
    }

    proptest! {
        #[test]
        fn no_window_grants_more_than_the_limit(
            steps in proptest::collection::vec((1u32..20, 0u64..20_000), 1..200),
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut budget = WeightBudget::new(50);
            let mut granted: Vec<(Instant, u32)> = Vec::new();
            for (weight, pause_ms) in steps {
                now += Duration::from_millis(pause_ms);
                while let Some(wait) = budget.reserve(weight, now) {
                    prop_assert!(wait > Duration::ZERO && wait <= WINDOW);
                    now += wait;
                }
                granted.push((now, weight));
                // Windows begin at a grant, so at most two of them meet within any 60 seconds.
                let recent: u32 =
                    granted.iter().filter(|(at, _)| now - *at < WINDOW).map(|(_, weight)| weight).sum();
                prop_assert!(recent <= 100);
                prop_assert!(budget.used() <= 50);
            }
        }
    }
}
