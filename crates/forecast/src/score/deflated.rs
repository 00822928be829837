//! What a figure is worth once it is known to be the best of several tries: the more that were tried, the better the best of
//! them looks by chance alone.

use serde::{Deserialize, Serialize};

/// Euler and Mascheroni's constant.
const EULER_MASCHERONI: f64 = 0.577_215_664_901_532_9;

/// A normal value beyond this is as good as certain: its tail is below the smallest number.
const NORMAL_MOST: f64 = 39.0;

/// A figure beside what the best of as many tries without any skill would show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Deflated {
    /// How many were tried, the one that is looked at included.
    pub trials: u32,
    /// The figure that the best of so many without skill is expected to show, in the figure's unit.
    pub hurdle: f64,
    /// How probable it is that the figure would be below the one found if the truth were the hurdle: near 1 if it is no chance.
    pub probability: f64,
}

/// The shape of daily values that the error of their Sharpe ratio depends on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many days.
    pub days: usize,
    /// Their mean over their standard deviation, a day, not a year.
    pub sharpe: f64,
    /// The third standardised moment; 0 of a normal distribution.
    pub skewness: f64,
    /// The fourth standardised moment; 3 of a normal distribution.
    pub kurtosis: f64,
}

impl Moments {
    /// Of daily values; `None` for fewer than two, or if they are all alike. The deviation is that of a sample, the higher moments
    /// are plain ones.
    #[must_use]
    pub fn of(daily: &[f64]) -> Option<Self> {
        let days = daily.len();
        // Compared as they are: their mean may be off by a bit, and then they would vary by that bit.
        if days < 2 || daily.iter().all(|value| *value == daily[0]) {
            return None;
        }
        let n = days as f64;
        let mean = daily.iter().sum::<f64>() / n;
        let mut moments = [0.0; 3];
        for value in daily {
            let mut power = value - mean;
            for moment in &mut moments {
                power *= value - mean;
                *moment += power / n;
            }
        }
        let [second, third, fourth] = moments;
        let deviation = (second * n / (n - 1.0)).sqrt();
        let (skewness, kurtosis) = (third / (second * second.sqrt()), fourth / (second * second));
        Some(Self { days, sharpe: mean / deviation, skewness, kurtosis })
    }

    /// The probabilistic Sharpe ratio (Bailey and López de Prado 2012): how probable it is that a ratio of days like these would come
    /// out below this one if the true one were `hurdle`, a day. NaN where days are so skewed that the formula has no error.
    #[must_use]
    pub fn probability_above(&self, hurdle: f64) -> f64 {
        let Self { days, sharpe, skewness, kurtosis } = *self;
        let error = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
        normal_cdf((sharpe - hurdle) * (days as f64 - 1.0).sqrt() / error.sqrt())
    }

    /// The deflated Sharpe ratio (Bailey and López de Prado 2014), a day: the probabilistic one above the ratio that the best of
    /// `trials` without skill is expected to have, if theirs vary by `variance`. [`Moments::chance`] is that of independent days.
    #[must_use]
    pub fn deflated(&self, trials: u32, variance: f64) -> Deflated {
        let hurdle = variance.sqrt() * expected_maximum(trials);
        Deflated { trials, hurdle, probability: self.probability_above(hurdle) }
    }

    /// The variance of the ratios, a day, of tries without skill over so many days: `1/(n - 1)`. What takes its place where the
    /// ratios of the tries are not known; those of tries that are alike vary less.
    #[must_use]
    pub fn chance(&self) -> f64 {
        1.0 / (self.days as f64 - 1.0)
    }
}

/// A normal estimate with a standard error, of which 0 is no skill, beside the best of as many tries without skill.
#[must_use]
pub fn deflated_estimate(value: f64, error: f64, trials: u32) -> Deflated {
    let hurdle = error * expected_maximum(trials);
    Deflated { trials, hurdle, probability: normal_cdf((value - hurdle) / error) }
}

/// How large the largest of so many independent standard normal values is expected to be, by the approximation of Bailey and López
/// de Prado (2014); 0 for one.
#[must_use]
pub fn expected_maximum(trials: u32) -> f64 {
    if trials < 2 {
        return 0.0;
    }
    let above = |share: f64| -normal_quantile(share);
    let n = f64::from(trials);
    (1.0 - EULER_MASCHERONI) * above(1.0 / n) + EULER_MASCHERONI * above(1.0 / (n * std::f64::consts::E))
}

/// How probable a p-value so small or smaller is as the least of so many independent ones: `1 - (1 - p)^n` (Šidák 1967).
#[must_use]
pub fn sidak(p: f64, trials: u32) -> f64 {
    -libm::expm1(f64::from(trials.max(1)) * libm::log1p(-p))
}

/// p-values that hold for all of a family together (Holm 1979), in the order of the given ones; NaN stays NaN and does not count.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|place| !p_values[*place].is_nan()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut found = vec![f64::NAN; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, place) in order.iter().enumerate() {
        let times = (order.len() - rank) as f64;
        least = least.max((p_values[*place] * times).min(1.0));
        found[*place] = least;
    }
    found
}

/// How probable a standard normal value of at most `x` is.
fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The value that a standard normal one is at most with the probability `share`, by halving: it is asked for a few times only.
fn normal_quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-NORMAL_MOST, NORMAL_MOST);
    while high - low > 1e-14 * high.abs().max(1.0) {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if normal_cdf(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Goldens {
        maxima: Vec<(u32, f64)>,
        sharpe: Vec<Case>,
        sidak: Vec<(f64, u32, f64)>,
        holm: Vec<[Vec<f64>; 2]>,
    }

    #[derive(Debug, Deserialize)]
    struct Case {
        daily: Vec<f64>,
        moments: Moments,
        trials: u32,
        variance: f64,
        deflated: Deflated,
    }

    fn goldens() -> Goldens {
        serde_json::from_str(include_str!("../../tests/goldens/deflated.json")).expect("goldens")
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-6), "{found} {expected}");
    }

    #[test]
    fn the_example_of_the_paper_comes_out_as_printed() {
        // Five years of 250 days, an annual ratio of 2.5, skewness -3, kurtosis 10, the best of 100 whose annual ratios vary by
        // one half: hurdle 0.1132, probability 0.9004.
        let moments = Moments { days: 1_250, sharpe: 2.5 / 250.0_f64.sqrt(), skewness: -3.0, kurtosis: 10.0 };
        let found = moments.deflated(100, 0.5 / 250.0);
        assert!((found.hurdle - 0.1132).abs() < 5e-5, "{found:?}");
        assert!((found.probability - 0.9004).abs() < 5e-5, "{found:?}");
        // Its note: with 46 tries it would have been 0.9505.
        let fewer = moments.deflated(46, 0.5 / 250.0);
        assert!((fewer.probability - 0.9505).abs() < 5e-5, "{fewer:?}");
    }

    #[test]
    fn it_is_what_scipy_and_statsmodels_answer() {
        let Goldens { maxima, sharpe, sidak: single, holm: families } = goldens();
        assert!(maxima.len() >= 6 && sharpe.len() >= 4 && single.len() >= 6 && families.len() >= 3);
        for (trials, expected) in maxima {
            close(expected_maximum(trials), expected);
        }
        for Case { daily, moments, trials, variance, deflated } in sharpe {
            let found = Moments::of(&daily).expect("days that vary");
            assert_eq!(found.days, moments.days);
            close(found.sharpe, moments.sharpe);
            close(found.skewness, moments.skewness);
            close(found.kurtosis, moments.kurtosis);
            let again = found.deflated(trials, variance);
            close(again.hurdle, deflated.hurdle);
            close(again.probability, deflated.probability);
        }
        for (p, trials, expected) in single {
            close(sidak(p, trials), expected);
        }
        for [given, expected] in families {
            for (found, expected) in holm(&given).into_iter().zip(expected) {
                close(found, expected);
            }
        }
    }

    #[test]
    fn one_try_is_not_deflated_and_more_are_the_more_the_more_there_are() {
        assert_eq!((expected_maximum(0), expected_maximum(1)), (0.0, 0.0));
        assert_eq!((sidak(0.03, 0), sidak(0.0, 100)), (sidak(0.03, 1), 0.0));
        let one = deflated_estimate(0.03, 0.01, 1);
        assert_eq!(one.hurdle, 0.0);
        close(one.probability, normal_cdf(3.0));
        let probabilities =
            [1, 2, 10, 100, 10_000].map(|trials| deflated_estimate(0.03, 0.01, trials).probability);
        assert!(probabilities.windows(2).all(|pair| pair[1] < pair[0]), "{probabilities:?}");
    }

    #[test]
    fn days_that_do_not_vary_have_no_moments_and_what_is_missing_no_place_in_a_family() {
        assert_eq!((Moments::of(&[]), Moments::of(&[0.1]), Moments::of(&[0.1; 9])), (None, None, None));
        let found = holm(&[0.04, f64::NAN, 0.01]);
        assert!(found[1].is_nan());
        assert_eq!((found[2], found[0]), (0.02, 0.04));
    }

    #[test]
    fn the_best_of_many_without_skill_passes_as_rarely_as_it_says() {
        // Sixty tries of coin-like days each; the best of them is looked at.
        let mut random = super::super::bootstrap::SplitMix64(11);
        let mut normal =
            || (0..12).map(|_| random.below(1 << 30) as f64 / f64::from(1 << 30)).sum::<f64>() - 6.0;
        let (runs, mut plain, mut deflated) = (150, 0, 0);
        for _ in 0..runs {
            let tries = (0..60).filter_map(|_| Moments::of(&(0..90).map(|_| normal()).collect::<Vec<_>>()));
            let best = tries.max_by(|a, b| a.sharpe.total_cmp(&b.sharpe)).expect("tries");
            plain += u32::from(best.probability_above(0.0) > 0.95);
            deflated += u32::from(best.deflated(60, best.chance()).probability > 0.95);
        }
        assert!(plain > 130, "{plain} of {runs} look skilful before");
        assert!(deflated < 8, "{deflated} of {runs} after");
    }
}
