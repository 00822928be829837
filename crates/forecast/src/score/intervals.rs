//! Scores with intervals from days drawn again.

use super::bootstrap::{Figure, Resampling, block_of, interval, number_days};
use super::ranking::ranks_of;
use super::ratio_skill;

/// `1 - loss/baseline_loss` over the rows that have both losses, with an interval; NaN if there are none. `days` holds
/// each row's day number.
#[must_use]
pub fn skill(losses: &[f64], baseline_losses: &[f64], days: &[i64], resampling: Resampling) -> Figure {
    let sums = daily_sums(losses, baseline_losses, days);
    interval(sums.len(), resampling, |weights| weighted_skill(&sums, weights))
}

/// How many days in a row [`skill`] draws together.
#[must_use]
pub fn skill_block_days(losses: &[f64], baseline_losses: &[f64], days: &[i64]) -> usize {
    let sums = daily_sums(losses, baseline_losses, days);
    block_of(sums.len(), &mut |weights| weighted_skill(&sums, weights))
}

fn daily_sums(losses: &[f64], baseline_losses: &[f64], days: &[i64]) -> Vec<[f64; 2]> {
    let (numbers, count) = number_days(days);
    let mut sums = vec![[0.0; 2]; count];
    for ((&loss, &baseline), day) in losses.iter().zip(baseline_losses).zip(numbers) {
        if !loss.is_nan() && !baseline.is_nan() {
            sums[day][0] += loss;
            sums[day][1] += baseline;
        }
    }
    sums
}

fn weighted_skill(sums: &[[f64; 2]], weights: &[f64]) -> f64 {
    let mut total = [0.0; 2];
    for (weight, sums) in weights.iter().zip(sums) {
        total[0] += weight * sums[0];
        total[1] += weight * sums[1];
    }
    ratio_skill(total[0], total[1])
}

/// The mean of daily values over their standard deviation, times the root of 365 (Sharpe 1966, of a market that never
/// closes), with an interval; NaN for fewer than two days or days that are all alike.
#[must_use]
pub fn sharpe_interval(daily: &[f64], resampling: Resampling) -> Figure {
    interval(daily.len(), resampling, |weights| {
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (weight, value) in weights.iter().zip(daily) {
            count += weight;
            sum += weight * value;
            squares += weight * value * value;
        }
        let mean = sum / count;
        let variance = (squares / count - mean * mean) * count / (count - 1.0);
        if variance > 0.0 { mean / variance.sqrt() * 365.0_f64.sqrt() } else { f64::NAN }
    })
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
    let ranks = |values: &[f64]| ranks_of(known.iter().map(|&row| values[row]));
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

#[cfg(test)]
mod tests {
    use super::super::bootstrap::SplitMix64;
    use super::*;
    use crate::score::{auc, spearman};

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

    #[test]
    fn skill_lies_in_its_interval_and_the_same_seed_gives_the_same() {
        let losses: Vec<f64> = (0..960).map(|row| f64::from(row % 7) + 1.0).collect();
        let baseline: Vec<f64> = (0..960).map(|row| f64::from(row % 11) + 1.0).collect();
        let days: Vec<i64> = (0..960).map(|row| row / 48).collect();
        let found = skill(&losses, &baseline, &days, RESAMPLING);
        let expected = 1.0 - losses.iter().sum::<f64>() / baseline.iter().sum::<f64>();
        assert!((found.value - expected).abs() < 1e-12);
        assert!(found.low <= found.value && found.value <= found.high && found.low < found.high);
        assert_eq!(found, skill(&losses, &baseline, &days, RESAMPLING));
        let other = skill(&losses, &baseline, &days, Resampling { seed: 8, ..RESAMPLING });
        assert_ne!(found.low.to_bits(), other.low.to_bits());
    }

    #[test]
    fn equal_losses_have_no_skill_and_nothing_has_none() {
        let losses = [1.0, 2.0, f64::NAN];
        let found = skill(&losses, &losses, &[0, 1, 2], RESAMPLING);
        assert_eq!((found.value, found.low, found.high), (0.0, 0.0, 0.0));
        assert!(skill(&[], &[], &[], RESAMPLING).value.is_nan());
    }
}
