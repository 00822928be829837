//! Which faults happen, how often, and by which seed.

use kline::Milliseconds;

use crate::{ExchangeError, FaultKind};

/// The most episodes of one kind that a day may have.
const MOST_PER_DAY: f64 = 10_000.0;

/// Faults come in episodes, drawn from the seed at times of the exchange: the same plan and the same inputs give
/// the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    /// Which episodes are drawn.
    pub seed: u64,
    /// The kinds that happen; naming one twice changes nothing.
    pub kinds: Vec<FaultKind>,
    /// Episodes of each kind in one day of the exchange's time, on average.
    pub per_day: f64,
    /// No episode begins at this time of the exchange or later; `None` is never.
    pub until: Option<Milliseconds>,
}

impl FaultPlan {
    /// The exchange behaves.
    #[must_use]
    pub const fn none() -> Self {
        Self { seed: 0, kinds: Vec::new(), per_day: 0.0, until: None }
    }

    /// Every kind, each so often a day.
    #[must_use]
    pub fn all(seed: u64, per_day: f64) -> Self {
        Self { seed, kinds: FaultKind::ALL.to_vec(), per_day, until: None }
    }

    /// Reads `all` or a list such as `late-final,reset`.
    ///
    /// # Errors
    /// A name that is no fault.
    pub fn kinds_of(list: &str) -> Result<Vec<FaultKind>, ExchangeError> {
        if list == "all" {
            return Ok(FaultKind::ALL.to_vec());
        }
        list.split(',').map(str::parse).collect()
    }

    /// Whether the kind happens at all.
    pub(crate) fn has(&self, kind: FaultKind) -> bool {
        self.per_day > 0.0 && self.kinds.contains(&kind)
    }

    pub(crate) fn check(&self) -> Result<(), ExchangeError> {
        if (0.0..=MOST_PER_DAY).contains(&self.per_day) {
            Ok(())
        } else {
            Err(ExchangeError::FaultsPerDay(self.per_day))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_rates_checked() {
        assert_eq!(FaultPlan::kinds_of("all").ok(), Some(FaultKind::ALL.to_vec()));
        let kinds = FaultPlan::kinds_of("reset,late-final").ok();
        assert_eq!(kinds, Some(vec![FaultKind::Reset, FaultKind::LateFinal]));
        assert!(FaultPlan::kinds_of("reset,").is_err());
        for (per_day, right) in [(0.0, true), (2.5, true), (-1.0, false), (f64::NAN, false), (1e9, false)] {
            assert_eq!(FaultPlan::all(1, per_day).check().is_ok(), right, "{per_day}");
        }
    }
}
