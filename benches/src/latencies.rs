//! What the calls of one run took.

use std::time::Duration;

/// The time of each call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Adds one call.
    pub(crate) fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// Adds the calls of another worker.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Brings all calls into order.
    pub(crate) fn sort(&mut self) {
        self.0.sort_unstable();
    }

    /// How many there were.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that `per_mille` thousandths of the calls did not exceed (nearest rank); `None` without calls. Counts on
    /// what [`Latencies::sort`] brought into order.
    pub(crate) fn quantile(&self, per_mille: usize) -> Option<Duration> {
        let rank = (self.0.len() * per_mille).div_ceil(1_000).max(1);
        self.0.get(rank - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let mut all = Latencies::default();
        assert_eq!(all.quantile(500), None);
        let mut some = Latencies::default();
        for millisecond in (1..=1_000).rev() {
            some.push(Duration::from_millis(millisecond));
        }
        all.append(some);
        all.sort();
        let milliseconds = |per_mille| all.quantile(per_mille).map(|latency| latency.as_millis());
        assert_eq!([500, 990, 999, 1_000].map(milliseconds), [500, 990, 999, 1_000].map(Some));
    }
}
