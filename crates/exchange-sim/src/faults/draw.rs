//! Random numbers: SplitMix64.

use kline::Milliseconds;

use crate::path::scramble;

/// A sequence of random numbers; the same seed gives the same sequence.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The sequence that belongs to several numbers together.
    pub(crate) fn of(parts: &[u64]) -> Self {
        Self(parts.iter().fold(0, |seed, part| scramble(seed ^ *part)))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        let drawn = scramble(self.0);
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        drawn
    }

    /// In `[0, 1)`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    pub(crate) const fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// In `0..count`; 0 if there is nothing to choose from.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let drawn = self.next();
        usize::try_from(drawn % u64::try_from(count.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// In `[from, to]`.
    pub(crate) fn between(&mut self, from: Milliseconds, to: Milliseconds) -> Milliseconds {
        let width = u64::try_from(to - from).unwrap_or(0) + 1;
        from + i64::try_from(self.next() % width).unwrap_or(0)
    }

    /// In `[from, to]`, short ones as often as ten times longer ones.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "far below 2^53")]
    pub(crate) fn spread(&mut self, from: Milliseconds, to: Milliseconds) -> Milliseconds {
        let (low, high) = (libm::log(from.max(1) as f64), libm::log(to.max(1) as f64));
        (libm::exp(low + (high - low) * self.unit()) as i64).clamp(from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_keep_their_bounds_and_their_seed() {
        let (mut one, mut same, mut other) = (Draw::of(&[1, 2]), Draw::of(&[1, 2]), Draw::of(&[2, 1]));
        let mut differ = false;
        for _ in 0..1_000 {
            let drawn = one.between(-5, 5);
            assert_eq!(drawn, same.between(-5, 5));
            differ |= drawn != other.between(-5, 5);
            assert!((-5..=5).contains(&drawn));
            assert!((2_000..=900_000).contains(&one.spread(2_000, 900_000)));
            let _ = same.unit();
            assert!(one.below(3) < 3);
            let _ = same.next();
        }
        assert!(differ);
        assert_eq!(one.below(0), 0);
    }
}
