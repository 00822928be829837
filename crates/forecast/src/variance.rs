//! What the squared volatility is expected to be. The volatility's forecast is best for the logarithm, near the median; risk is
//! counted in squares, whose expectation lies higher, the more so the less the forecast and what was seen agree.
//!
//! The ratio of the squared outcome to the squared forecast has the logarithm of its expectation linear in a few inputs: a
//! gamma regression (McCullagh and Nelder 1989, chapter 8), whose loss is QLIKE (Patton 2011).

mod fit;

use serde::{Deserialize, Serialize};

pub use fit::VarianceSample;

use crate::log_volatility;

/// How many numbers the model reads.
const INPUTS: usize = 5;

/// What was seen may differ from the forecast by this at most, in the logarithm: a market that stood still for an hour says no
/// more than one that moved a seventh as much.
const RATIO_MOST: f64 = 2.0;

/// The logarithm of a usual volatility over four steps, and how far a forecast may be from it.
const USUAL: f64 = -5.5;
const FROM_USUAL_MOST: f64 = 3.0;

/// How much larger than the square of its forecast the squared volatility is expected, as the logarithm of the ratio: the sum
/// of weights times 1, the forecast's logarithm plus 5.5, and the logarithms of the volatility that was realised over the last
/// 4, 96 and 672 steps, each less the forecast's. Inputs are bounded; what is not known yet counts as what was forecast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VarianceModel {
    weights: [f64; INPUTS],
}

impl VarianceModel {
    /// Fitted on rows that the boosters did not learn from; `None` without one, and where
    /// they give a model with a [`problem`](Self::problem).
    #[must_use]
    pub fn fit(samples: &[VarianceSample]) -> Option<Self> {
        fit::fit(samples).map(|weights| Self { weights }).filter(|model| model.problem().is_none())
    }

    /// The factor on every forecast that is best for QLIKE over the samples: the root of the mean of `(outcome/forecast)^2`,
    /// both at least the volatility floor. `None` without a sample.
    #[must_use]
    pub fn factor(samples: &[VarianceSample]) -> Option<f64> {
        fit::mean_ratio(samples).map(f64::sqrt)
    }

    /// That factor for every row. `None` as from [`fit`](Self::fit).
    #[must_use]
    pub fn constant(samples: &[VarianceSample]) -> Option<Self> {
        let found =
            fit::mean_ratio(samples).map(|mean| Self { weights: [libm::log(mean), 0.0, 0.0, 0.0, 0.0] });
        found.filter(|model| model.problem().is_none())
    }

    /// The root of the expected squared volatility, in the unit of the forecast. `realised` is the root mean squared log return
    /// of one step over the last 4, 96 and 672. `None` where the forecast is no finite number.
    #[must_use]
    pub fn root_mean_square(&self, forecast: f64, realised: &[f64; 3]) -> Option<f64> {
        let inputs = inputs(forecast, realised)?;
        let found = libm::exp(log_volatility(forecast) + 0.5 * dot(&self.weights, &inputs));
        found.is_finite().then_some(found)
    }

    /// What is wrong with a model that was read from a file.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let sound = self.weights.iter().all(|weight| weight.abs() <= 20.0);
        (!sound).then(|| "has a weight that is not finite, or beyond 20".to_owned())
    }
}

fn inputs(forecast: f64, realised: &[f64; 3]) -> Option<[f64; INPUTS]> {
    let forecast = log_volatility(forecast);
    if forecast.is_nan() {
        return None;
    }
    let [hour, day, week] = realised.map(|realised| {
        // Four steps have twice the volatility of one.
        let ratio = log_volatility(2.0 * realised) - forecast;
        if ratio.is_nan() { 0.0 } else { ratio.clamp(-RATIO_MOST, RATIO_MOST) }
    });
    Some([1.0, (forecast - USUAL).clamp(-FROM_USUAL_MOST, FROM_USUAL_MOST), hour, day, week])
}

fn dot(a: &[f64; INPUTS], b: &[f64; INPUTS]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_the_root_of_the_mean_square_and_scales_every_forecast() {
        let sample = |outcome| VarianceSample { forecast: 0.01, realised: [f64::NAN; 3], outcome };
        let samples = [sample(0.01), sample(0.03), sample(f64::NAN)];
        let factor = VarianceModel::factor(&samples).expect("two samples");
        assert!((factor - 5.0_f64.sqrt()).abs() < 1e-12);
        let model = VarianceModel::constant(&samples).expect("two samples");
        for forecast in [0.001, 0.2] {
            let found = model.root_mean_square(forecast, &[0.004, 0.01, 0.02]).expect("known");
            assert!((found / forecast - factor).abs() < 1e-12, "{found}");
        }
    }

    #[test]
    fn what_is_missing_is_neutral_but_for_the_forecast() {
        let model = VarianceModel { weights: [0.5, -0.1, 0.1, -0.3, -0.2] };
        let as_forecast = model.root_mean_square(0.01, &[0.005; 3]).expect("known");
        let unknown = model.root_mean_square(0.01, &[f64::NAN; 3]).expect("known");
        assert!((as_forecast - unknown).abs() < 1e-15);
        assert_eq!(model.root_mean_square(f64::NAN, &[0.005; 3]), None);
        assert_eq!(VarianceModel::fit(&[]), None);
        assert_eq!(VarianceModel::constant(&[]), None);
    }

    #[test]
    fn no_input_takes_an_answer_out_of_bounds() {
        let model = VarianceModel { weights: [0.6, -0.1, 0.1, -0.3, -0.2] };
        assert_eq!(model.root_mean_square(f64::INFINITY, &[0.005; 3]), None);
        for forecast in [0.0, 1e-5, 0.01, 5.0] {
            for seen in [0.0, 1e-300, 0.004, 1e9] {
                let found = model.root_mean_square(forecast, &[seen; 3]).expect("known");
                let ratio = found / forecast.max(crate::VOLATILITY_FLOOR);
                assert!((0.3..6.0).contains(&ratio), "{forecast} {seen}: {ratio}");
            }
        }
    }

    #[test]
    fn outcomes_beyond_all_proportion_give_no_model_rather_than_one_that_a_bundle_refuses() {
        for (forecast, outcome) in [(1e-5, 1.0), (1e300, 1e-5)] {
            let sample = VarianceSample { forecast, realised: [0.5e-5; 3], outcome };
            assert_eq!(VarianceModel::constant(&[sample; 9]), None, "{outcome} for {forecast}");
            assert_eq!(VarianceModel::fit(&[sample; 9]), None, "{outcome} for {forecast}");
        }
    }

    #[test]
    fn a_weight_that_is_no_number_is_told() {
        assert!(VarianceModel { weights: [f64::NAN, 0.0, 0.0, 0.0, 0.0] }.problem().is_some());
        assert!(VarianceModel { weights: [0.0, 0.0, 0.0, 0.0, 1e300] }.problem().is_some());
        assert_eq!(VarianceModel { weights: [0.6, -0.1, 0.1, -0.3, -0.2] }.problem(), None);
    }
}
