//! Intervals from whole UTC days drawn again with replacement, over all symbols at once.

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
#[must_use]
pub fn number_days(days: &[i64]) -> (Vec<usize>, usize) {
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
pub fn interval(days: usize, resampling: Resampling, mut statistic: impl FnMut(&[f64]) -> f64) -> Figure {
    let value = statistic(&vec![1.0; days]);
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

/// The rank correlation with an interval. Ranks are those of all rows; NaN pairs are left out.
#[must_use]
pub fn spearman_interval(
    forecasts: &[f64],
    outcomes: &[f64],
    days: &[i64],
    resampling: Resampling,
) -> Figure {
    let known: Vec<usize> =
        (0..forecasts.len()).filter(|&row| !forecasts[row].is_nan() && !outcomes[row].is_nan()).collect();
    let ranks = |values: &[f64]| mid_ranks(&known.iter().map(|&row| values[row]).collect::<Vec<_>>());
    let (x, y) = (ranks(forecasts), ranks(outcomes));
    let (numbers, count) = number_days(&known.iter().map(|&row| days[row]).collect::<Vec<_>>());
    let middle = (known.len() as f64 + 1.0) / 2.0;
    let mut sums = vec![[0.0; 6]; count];
    for ((x, y), day) in x.iter().zip(&y).zip(numbers) {
        let (x, y) = (x - middle, y - middle);
        for (sum, term) in sums[day].iter_mut().zip([1.0, x, y, x * x, y * y, x * y]) {
            *sum += term;
        }
    }
    interval(count, resampling, |weights| {
        let mut total = [0.0; 6];
        for (weight, sums) in weights.iter().zip(&sums) {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += weight * sum;
            }
        }
        let [n, x, y, xx, yy, xy] = total;
        let (vx, vy) = (xx - x * x / n, yy - y * y / n);
        if vx > 0.0 && vy > 0.0 { (xy - x * y / n) / (vx.sqrt() * vy.sqrt()) } else { f64::NAN }
    })
}

/// The area under the curve with an interval.
#[must_use]
pub fn auc_interval(scores: &[f64], came_true: &[bool], days: &[i64], resampling: Resampling) -> Figure {
    let mut order: Vec<usize> = (0..scores.len()).filter(|&row| !scores[row].is_nan()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
    let (numbers, count) = number_days(&order.iter().map(|&row| days[row]).collect::<Vec<_>>());
    interval(count, resampling, |weights| {
        let (mut below, mut pairs, mut ups, mut at) = (0.0, 0.0, 0.0, 0);
        while at < order.len() {
            let score = scores[order[at]];
            let (mut up, mut down) = (0.0, 0.0);
            while at < order.len() && scores[order[at]] == score {
                let weight = weights[numbers[at]];
                if came_true[order[at]] {
                    up += weight;
                } else {
                    down += weight;
                }
                at += 1;
            }
            pairs += up * (below + down / 2.0);
            below += down;
            ups += up;
        }
        if ups > 0.0 && below > 0.0 { pairs / (ups * below) } else { f64::NAN }
    })
}

/// Ranks from 1; equal values share their mean.
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        for &row in &order[start..end] {
            ranks[row] = (start + 1 + end) as f64 / 2.0;
        }
        start = end;
    }
    ranks
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
    use forecast::score::{auc, spearman};

    const RESAMPLING: Resampling = Resampling { times: 200, seed: 7 };

    fn rows() -> (Vec<f64>, Vec<f64>, Vec<i64>) {
        let mut random = SplitMix64(3);
        let mut draw = move || (random.below(50) as f64) - 25.0;
        let scores: Vec<f64> = (0..960).map(|_| draw()).collect();
        let outcomes = scores.iter().map(|score| score * 0.3 + draw()).collect();
        (scores, outcomes, (0..960).map(|row| row / 48).collect())
    }

    #[test]
    fn values_are_those_of_the_plain_scores_and_lie_in_their_intervals() {
        let (scores, outcomes, days) = rows();
        let rank = spearman_interval(&scores, &outcomes, &days, RESAMPLING);
        assert!((rank.value - spearman(&scores, &outcomes)).abs() < 1e-12);
        assert!(rank.low < rank.value && rank.value < rank.high && rank.high - rank.low < 0.3);
        let up: Vec<bool> = outcomes.iter().map(|outcome| *outcome > 0.0).collect();
        let area = auc_interval(&scores, &up, &days, RESAMPLING);
        assert!((area.value - auc(&scores, &up)).abs() < 1e-12);
        assert!(area.low < area.value && area.value < area.high && area.high - area.low < 0.2);
    }

    #[test]
    fn one_day_has_no_width() {
        let (scores, outcomes, _) = rows();
        let figure = spearman_interval(&scores, &outcomes, &[0; 960], RESAMPLING);
        assert_eq!((figure.low, figure.high), (figure.value, figure.value));
    }
}
