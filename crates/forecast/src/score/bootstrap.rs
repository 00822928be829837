//! Intervals by the circular block bootstrap (Politis and Romano 1992): whole UTC days are drawn again with replacement, over all
//! symbols at once, for rows of one day are not independent; and as many days in a row as depend on one another. The same seed gives
//! the same interval.

use std::collections::BTreeMap;

use super::blocks::block_days;

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

/// How many days in a row are drawn together: as many as the days' influences on the figure ask for, by what it is without each.
pub(super) fn block_of(days: usize, statistic: &mut impl FnMut(&[f64]) -> f64) -> usize {
    let mut weights = vec![1.0; days];
    let mut influences = Vec::with_capacity(days);
    for day in 0..days {
        weights[day] = 0.0;
        influences.push(statistic(&weights));
        weights[day] = 1.0;
    }
    // A day without which there is no figure leaves nothing to compare.
    if influences.iter().any(|influence| influence.is_nan()) { 1 } else { block_days(&influences) }
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
    let block = block_of(days, &mut statistic);
    let mut random = SplitMix64(resampling.seed);
    let mut draws = Vec::with_capacity(resampling.times);
    for _ in 0..resampling.times {
        let mut weights = vec![0.0; days];
        for begun in (0..days).step_by(block) {
            let first = random.below(days);
            for day in first..first + block.min(days - begun) {
                weights[day % days] += 1.0;
            }
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

    /// Days that depend on those before.
    fn dependent(memory: f64, count: usize, random: &mut SplitMix64) -> Vec<f64> {
        let mut last = 0.0;
        let mut next = || {
            let normal =
                (0..12).map(|_| random.below(1 << 30) as f64 / f64::from(1 << 30)).sum::<f64>() - 6.0;
            last = memory * last + normal;
            last
        };
        (0..count).map(|_| next()).collect()
    }

    fn mean_of(series: &[f64]) -> impl FnMut(&[f64]) -> f64 + '_ {
        move |weights| {
            let sum: f64 = weights.iter().zip(series).map(|(weight, value)| weight * value).sum();
            sum / weights.iter().sum::<f64>()
        }
    }

    #[test]
    fn every_draw_has_as_many_days_as_there_are_and_blocks_lie_in_a_row() {
        let series = dependent(0.8, 99, &mut SplitMix64(2));
        let block = block_of(99, &mut mean_of(&series));
        assert!(block > 3, "{block}");
        let mut drawn = Vec::new();
        let mut mean = mean_of(&series);
        interval(99, Resampling { times: 30, seed: 4 }, |weights| {
            drawn.push(weights.to_vec());
            mean(weights)
        });
        // The first is the figure, then each day is left out once.
        for weights in &drawn[1 + 99..] {
            assert_eq!(weights.iter().sum::<f64>(), 99.0);
            let changes = (0..99).filter(|day| weights[*day] != weights[(day + 1) % 99]).count();
            assert!(changes <= 2 * 99_usize.div_ceil(block), "{changes} changes in blocks of {block}");
        }
        assert_eq!(drawn.len(), 1 + 99 + 30);
    }

    #[test]
    fn intervals_of_days_that_depend_on_one_another_hold_the_truth_nearly_as_often_as_they_say() {
        let mut random = SplitMix64(9);
        let (runs, mut held, mut held_by_days) = (200, 0, 0);
        for run in 0..runs {
            let series = dependent(0.6, 240, &mut random);
            let resampling = Resampling { times: 200, seed: run };
            let found = interval(240, resampling, mean_of(&series));
            held += u32::from(found.low <= 0.0 && 0.0 <= found.high);
            // Days alone, as an independent series is drawn: half as wide as these have to be.
            let error = (series.iter().map(|value| value * value).sum::<f64>()).sqrt() / 240.0;
            held_by_days += u32::from(found.value.abs() <= 1.96 * error);
        }
        assert!(held >= 168, "{held} of {runs} with blocks");
        assert!(held_by_days <= 150, "{held_by_days} of {runs} by single days");
    }

    #[test]
    fn nothing_has_no_interval() {
        let figure = interval(0, Resampling { times: 10, seed: 1 }, |weights| weights.len() as f64);
        assert!(figure.value == 0.0 && figure.low.is_nan() && figure.high.is_nan());
    }
}
