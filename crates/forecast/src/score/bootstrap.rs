//! Intervals by the block bootstrap: whole UTC days are drawn again with replacement, over all symbols at once, for rows
//! of one day are not independent. The same seed gives the same interval.

use std::collections::BTreeMap;

/// A figure with the 95 % interval that holds it; the ends are NaN where none was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// Over all rows.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Figure {
    /// A figure without an interval.
    #[must_use]
    pub const fn plain(value: f64) -> Self {
        Self { value, low: f64::NAN, high: f64::NAN }
    }
}

/// How intervals are made.
#[derive(Debug, Clone, Copy)]
pub struct Resampling {
    /// How often the days are drawn again.
    pub times: usize,
    /// The seed of the draws.
    pub seed: u64,
}

/// Numbers the days of rows from 0 in order; answers each row's number and how many days there are.
pub(super) fn number_days(days: &[i64]) -> (Vec<usize>, usize) {
    let mut numbers = BTreeMap::new();
    for day in days {
        numbers.insert(*day, 0);
    }
    for (number, slot) in numbers.values_mut().enumerate() {
        *slot = number;
    }
    (days.iter().map(|day| numbers[day]).collect(), numbers.len())
}

/// The figure of all days, and the interval of the figures of days drawn again. `statistic` hears how often each
/// day was drawn.
pub(super) fn interval(
    days: usize,
    resampling: Resampling,
    mut statistic: impl FnMut(&[f64]) -> f64,
) -> Figure {
    let value = statistic(&vec![1.0; days]);
    if days == 0 {
        return Figure::plain(value);
    }
    let mut random = SplitMix64(resampling.seed);
    let mut draws = Vec::with_capacity(resampling.times);
    for _ in 0..resampling.times {
        let mut weights = vec![0.0; days];
        for _ in 0..days {
            weights[random.below(days)] += 1.0;
        }
        let drawn = statistic(&weights);
        if !drawn.is_nan() {
            draws.push(drawn);
        }
    }
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * draws.len().saturating_sub(1) as f64;
        draws.get(place.round() as usize).copied().unwrap_or(f64::NAN)
    };
    Figure { value, low: at(0.025), high: at(0.975) }
}

/// Steele, Lea and Flood's generator (2014): small, and the same everywhere.
pub(super) struct SplitMix64(pub(super) u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, by the high half of the product.
    pub(super) fn below(&mut self, bound: usize) -> usize {
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
    fn days_are_numbered_in_order() {
        assert_eq!(number_days(&[30, 10, 30, 20]), (vec![2, 0, 2, 1], 3));
    }

    #[test]
    fn nothing_has_no_interval() {
        let figure = interval(0, Resampling { times: 10, seed: 1 }, |weights| weights.len() as f64);
        assert!(figure.value == 0.0 && figure.low.is_nan() && figure.high.is_nan());
    }
}
