//! Whether one model's losses are really below another's.

use serde::{Deserialize, Serialize};

use super::bootstrap::number_days;
use super::student::student_cdf;

/// Fewer days say nothing about how a difference varies.
pub const PAIRED_DAYS_MIN: usize = 10;

/// What a paired test found about a first and a second model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedTest {
    /// The mean over all rows of the first one's loss minus the second one's; below 0 the first is better.
    pub difference: f64,
    /// The difference in standard errors.
    pub statistic: f64,
    /// UTC days that have rows.
    pub days: usize,
    /// For how many days differences may depend on one another.
    pub lags: usize,
    /// How probable a difference so low or lower is if both are equally good: small if the first is better.
    pub p_better: f64,
    /// How probable a difference so high or higher is if both are equally good: small if the first is worse.
    pub p_worse: f64,
}

/// Diebold and Mariano's test (1995) over the rows that have both losses. Rows of one UTC day, over all symbols and
/// overlapping horizons, count as one observation of their sum; days may depend on one another, by Newey and West's
/// estimator (1987) with `4 (n/100)^(2/9)` lags (1994); with Harvey, Leybourne and Newbold's correction (1997) and Student's
/// distribution. `None` for fewer than [`PAIRED_DAYS_MIN`] days.
#[must_use]
pub fn paired_test(first: &[f64], second: &[f64], days: &[i64]) -> Option<PairedTest> {
    let differences = first.iter().zip(second).map(|(first, second)| first - second);
    let (differences, days): (Vec<f64>, Vec<i64>) =
        differences.zip(days).filter(|(difference, _)| !difference.is_nan()).unzip();
    let (numbers, count) = number_days(&days);
    if count < PAIRED_DAYS_MIN {
        return None;
    }
    let mut sums = vec![[0.0; 2]; count];
    for (difference, day) in differences.iter().zip(numbers) {
        sums[day][0] += difference;
        sums[day][1] += 1.0;
    }
    let rows = differences.len() as f64;
    let difference = sums.iter().map(|[sum, _]| sum).sum::<f64>() / rows;
    let surprises: Vec<f64> = sums.iter().map(|[sum, rows]| sum - difference * rows).collect();
    let n = count as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few days")]
    let lags = (4.0 * libm::pow(n / 100.0, 2.0 / 9.0)).floor() as usize;
    let error = long_run_sum_of_squares(&surprises, lags).max(0.0).sqrt() / rows;
    let correction = ((n - 1.0) / n).sqrt();
    // Two models that answer the same differ by nothing, for certain.
    let statistic = if difference == 0.0 { 0.0 } else { difference / error * correction };
    let below = |statistic: f64| student_cdf(statistic, n - 1.0);
    let (p_better, p_worse) = (below(statistic), below(-statistic));
    Some(PairedTest { difference, statistic, days: count, lags, p_better, p_worse })
}

/// The sum of squares of a series and of its products with itself some steps later, with Bartlett's weights.
fn long_run_sum_of_squares(series: &[f64], lags: usize) -> f64 {
    let products = |lag: usize| {
        series.iter().zip(series.get(lag..).unwrap_or_default()).map(|(a, b)| a * b).sum::<f64>()
    };
    let weight = |lag: usize| 1.0 - lag as f64 / (lags as f64 + 1.0);
    products(0) + (1..=lags).map(|lag| 2.0 * weight(lag) * products(lag)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Goldens {
        cases: Vec<Case>,
    }

    #[derive(Debug, Deserialize)]
    struct Case {
        first: Vec<Option<f64>>,
        second: Vec<Option<f64>>,
        days: Vec<i64>,
        expected: PairedTest,
    }

    fn losses(values: &[Option<f64>]) -> Vec<f64> {
        values.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    }

    #[test]
    fn the_test_is_that_of_statsmodels_and_scipy() {
        let text = include_str!("../../tests/goldens/paired.json");
        let goldens: Goldens = serde_json::from_str(text).expect("goldens");
        assert!(goldens.cases.len() >= 5);
        for Case { first, second, days, expected } in &goldens.cases {
            let (first, second) = (losses(first), losses(second));
            let found = paired_test(&first, &second, days).expect("enough days");
            assert_eq!((found.days, found.lags), (expected.days, expected.lags));
            for (found, expected) in [
                (found.difference, expected.difference),
                (found.statistic, expected.statistic),
                (found.p_better, expected.p_better),
                (found.p_worse, expected.p_worse),
            ] {
                assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{found} {expected}");
            }
            let turned = paired_test(&second, &first, days).expect("enough days");
            assert_eq!(turned.statistic, -found.statistic);
            assert_eq!((turned.p_better, turned.p_worse), (found.p_worse, found.p_better));
        }
    }

    #[test]
    fn equal_models_differ_by_nothing_and_few_days_say_nothing() {
        let days: Vec<i64> = (0..40).map(|row| row / 2).collect();
        let losses: Vec<f64> = (0..40).map(|row| f64::from(row % 7)).collect();
        let same = paired_test(&losses, &losses, &days).expect("20 days");
        assert_eq!((same.difference, same.statistic), (0.0, 0.0));
        assert!((same.p_better - 0.5).abs() < 1e-12 && (same.p_worse - 0.5).abs() < 1e-12);
        let always = paired_test(&losses, &losses.iter().map(|loss| loss + 1.0).collect::<Vec<_>>(), &days);
        let always = always.expect("20 days");
        assert!(always.p_better < 1e-9 && always.p_worse > 1.0 - 1e-9, "{always:?}");
        assert_eq!(paired_test(&losses[..18], &losses[..18], &days[..18]), None);
        assert_eq!(paired_test(&[], &[], &[]), None);
    }

    #[test]
    fn equally_good_models_are_told_apart_as_often_as_the_level_says() {
        // Losses that depend on those of the day before: a test that took rows for independent would be wrong far oftener.
        let mut random = super::super::bootstrap::SplitMix64(5);
        let mut normal =
            || (0..12).map(|_| random.below(1 << 30) as f64 / f64::from(1 << 30)).sum::<f64>() - 6.0;
        let runs = 600;
        let wrong = (0..runs)
            .filter(|_| {
                let (mut first, mut days, mut last) = (Vec::new(), Vec::new(), 0.0);
                for day in 0..120 {
                    last = 0.3 * last + normal();
                    for _ in 0..5 {
                        first.push(last + 0.2 * normal());
                        days.push(day);
                    }
                }
                let second = vec![0.0; first.len()];
                paired_test(&first, &second, &days).expect("120 days").p_better < 0.05
            })
            .count();
        let share = wrong as f64 / f64::from(runs);
        assert!((0.03..0.09).contains(&share), "{share}");
    }
}
