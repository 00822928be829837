//! Skill against a baseline with an interval from whole days drawn again.

use std::collections::BTreeMap;

use super::ratio_skill;

/// `1 - loss/baseline_loss` over many rows, with the interval that holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skill {
    /// The skill of all rows; NaN if there is none.
    pub value: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end of the 95 % interval.
    pub high: f64,
    /// How many rows had both losses.
    pub rows: u64,
}

/// The skill of losses against baseline losses. The 95 % interval comes from drawing whole days again, with
/// replacement, `resamples` times (block bootstrap: rows of one day, over all symbols, are not independent). `days`
/// holds each row's day number. Rows with a missing loss are left out. The same seed gives the same interval.
#[must_use]
pub fn skill(losses: &[f64], baseline_losses: &[f64], days: &[i64], resamples: usize, seed: u64) -> Skill {
    let mut by_day: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
    let mut rows = 0;
    for ((&loss, &baseline), &day) in losses.iter().zip(baseline_losses).zip(days) {
        if !loss.is_nan() && !baseline.is_nan() {
            let sums = by_day.entry(day).or_default();
            sums.0 += loss;
            sums.1 += baseline;
            rows += 1;
        }
    }
    let blocks: Vec<(f64, f64)> = by_day.into_values().collect();
    let total = blocks.iter().fold((0.0, 0.0), |sum, block| (sum.0 + block.0, sum.1 + block.1));
    let mut random = SplitMix64(seed);
    let mut draws: Vec<f64> = Vec::with_capacity(resamples);
    if !blocks.is_empty() {
        for _ in 0..resamples {
            let mut sum = (0.0, 0.0);
            for _ in 0..blocks.len() {
                let block = blocks[random.below(blocks.len())];
                sum = (sum.0 + block.0, sum.1 + block.1);
            }
            draws.push(ratio_skill(sum.0, sum.1));
        }
    }
    draws.retain(|draw| !draw.is_nan());
    draws.sort_by(f64::total_cmp);
    let value = ratio_skill(total.0, total.1);
    Skill { value, low: quantile(&draws, 0.025), high: quantile(&draws, 0.975), rows }
}

/// The nearest order statistic; NaN of nothing.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (at * last as f64).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// Steele, Lea and Flood's generator (2014): small, and the same everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, by the high half of the product.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn an_interval_holds_the_value_and_the_same_seed_gives_the_same() {
        let losses: Vec<f64> = (0..960).map(|row| f64::from(row % 7) + 1.0).collect();
        let baseline: Vec<f64> = (0..960).map(|row| f64::from(row % 11) + 1.0).collect();
        let days: Vec<i64> = (0..960).map(|row| row / 48).collect();
        let found = skill(&losses, &baseline, &days, 500, 7);
        assert!(found.low <= found.value && found.value <= found.high && found.low < found.high);
        assert_eq!(found, skill(&losses, &baseline, &days, 500, 7));
        assert_ne!(found.low.to_bits(), skill(&losses, &baseline, &days, 500, 8).low.to_bits());
        assert_eq!(found.rows, 960);
    }

    #[test]
    fn equal_losses_have_no_skill_and_nothing_has_none() {
        let losses = [1.0, 2.0, f64::NAN];
        let found = skill(&losses, &losses, &[0, 1, 2], 50, 1);
        assert_eq!((found.value, found.low, found.high, found.rows), (0.0, 0.0, 0.0, 2));
        assert!(skill(&[], &[], &[], 50, 1).value.is_nan());
    }
}
