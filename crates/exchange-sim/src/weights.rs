//! Request weight per minute of the client's time. All clients count as one address.

use kline::Milliseconds;

/// The header that tells how much of the minute's weight has been used.
pub(crate) const WEIGHT_HEADER: &str = "x-mbx-used-weight-1m";

const MINUTE: Milliseconds = 60_000;

/// The weight used in the running minute.
#[derive(Debug)]
pub(crate) struct Weights {
    limit: u32,
    begun: Milliseconds,
    used: u32,
}

impl Weights {
    /// Nothing is used up; the minute begins at `now`.
    pub(crate) const fn new(limit: u32, now: Milliseconds) -> Self {
        Self { limit, begun: now, used: 0 }
    }

    pub(crate) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Adds `weight` and returns what the minute has used.
    ///
    /// # Errors
    /// The seconds until the next minute, if this one's weight is used up.
    pub(crate) fn charge(&mut self, weight: u32, now: Milliseconds) -> Result<u32, i64> {
        if now - self.begun >= MINUTE {
            (self.begun, self.used) = (now, 0);
        }
        if self.used.saturating_add(weight) > self.limit {
            return Err((MINUTE - (now - self.begun)) / 1_000 + 1);
        }
        self.used += weight;
        Ok(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_s_weight_is_used_up_and_comes_back() {
        let mut weights = Weights::new(5, 1_000);
        assert_eq!(weights.charge(4, 1_000), Ok(4));
        assert_eq!(weights.charge(2, 31_000), Err(31));
        assert_eq!(weights.charge(1, 31_000), Ok(5));
        assert_eq!(weights.charge(2, 61_000), Ok(2));
    }
}
