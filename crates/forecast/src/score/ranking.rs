//! Scores that only look at the order of forecasts.

/// The area under the receiver operating characteristic: the probability that a row that came true ranks above one
/// that did not, ties half (Mann and Whitney 1947). Rows with a NaN score are left out; NaN if one kind is absent.
#[must_use]
pub fn auc(scores: &[f64], came_true: &[bool]) -> f64 {
    let mut rows: Vec<(f64, bool)> =
        scores.iter().copied().zip(came_true.iter().copied()).filter(|(score, _)| !score.is_nan()).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranks = mid_ranks(rows.len(), |index| rows[index].0);
    let positives = rows.iter().filter(|(_, truth)| *truth).count() as f64;
    let negatives = rows.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return f64::NAN;
    }
    let rank_sum: f64 = rows.iter().zip(&ranks).filter(|((_, truth), _)| *truth).map(|(_, rank)| rank).sum();
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// The rank correlation of forecasts and outcomes, ties at their mean rank (Spearman 1904): the information
/// coefficient of return forecasts. Pairs with a NaN are left out; NaN if either side is constant.
#[must_use]
pub fn spearman(forecasts: &[f64], outcomes: &[f64]) -> f64 {
    let pairs: Vec<(f64, f64)> = forecasts
        .iter()
        .copied()
        .zip(outcomes.iter().copied())
        .filter(|(a, b)| !a.is_nan() && !b.is_nan())
        .collect();
    let a = ranks_of(pairs.iter().map(|pair| pair.0));
    let b = ranks_of(pairs.iter().map(|pair| pair.1));
    pearson(&a, &b)
}

/// The rank of each value in the order given.
pub(super) fn ranks_of(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.enumerate().map(|(index, value)| (value, index)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let sorted = mid_ranks(order.len(), |index| order[index].0);
    let mut ranks = vec![0.0; order.len()];
    for ((_, index), rank) in order.iter().zip(sorted) {
        ranks[*index] = rank;
    }
    ranks
}

/// Ranks from 1 of ascending values; equal ones share their mean.
fn mid_ranks(count: usize, value: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut ranks = Vec::with_capacity(count);
    let mut start = 0;
    while start < count {
        let mut end = start + 1;
        while end < count && value(end) == value(start) {
            end += 1;
        }
        let rank = (start + 1 + end) as f64 / 2.0;
        ranks.resize(end, rank);
        start = end;
    }
    ranks
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa.sqrt() * bb.sqrt()) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn auc_is_the_share_of_pairs_in_the_right_order(
            rows in prop::collection::vec((0u8..20, any::<bool>()), 1..60),
        ) {
            let (mut right, mut pairs) = (0.0, 0.0);
            for (up, _) in rows.iter().filter(|row| row.1) {
                for (down, _) in rows.iter().filter(|row| !row.1) {
                    pairs += 1.0;
                    right += if up > down { 1.0 } else if up == down { 0.5 } else { 0.0 };
                }
            }
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let truth: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let found = auc(&scores, &truth);
            if pairs == 0.0 {
                prop_assert!(found.is_nan());
            } else {
                prop_assert!((found - right / pairs).abs() < 1e-12);
            }
        }

        #[test]
        fn spearman_is_one_for_any_rising_map(values in prop::collection::vec(-100i32..100, 2..50)) {
            let a: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
            let b: Vec<f64> = a.iter().map(|value| value * value * value).collect();
            let down: Vec<f64> = b.iter().map(|value| -value).collect();
            let found = spearman(&a, &b);
            if values.iter().all(|value| *value == values[0]) {
                prop_assert!(found.is_nan());
            } else {
                prop_assert!((found - 1.0).abs() < 1e-12 && (spearman(&a, &down) + 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn spearman_of_a_worked_example() {
        // Ranks 1 2.5 2.5 4 against 2 1 3 4.
        let found = spearman(&[1.0, 2.0, 2.0, 9.0, f64::NAN], &[5.0, 4.0, 6.0, 7.0, 1.0]);
        assert!((found - 0.632_455_532_033_675_9).abs() < 1e-12, "{found}");
    }
}
