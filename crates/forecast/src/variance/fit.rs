//! Fits the model by Newton's method; the loss is convex in the weights.

use super::{INPUTS, dot, inputs};
use crate::{cholesky, log_volatility};

/// One row to fit on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceSample {
    /// The ensemble's forecast of the volatility.
    pub forecast: f64,
    /// The root mean squared log return of one step over the last 4, 96 and 672.
    pub realised: [f64; 3],
    /// The volatility that came true; NaN if missing.
    pub outcome: f64,
}

/// How strongly each weight but the first is held at none, in rows.
const RIDGE: [f64; INPUTS] = [0.0, 10.0, 10.0, 10.0, 10.0];

/// Newton's steps at most; four to six are usual.
const STEPS_MOST: usize = 50;

/// A step that betters the loss of a row by less than this is the last.
const BETTER: f64 = 1e-13;

/// A row's inputs, and the squared outcome over the squared forecast.
struct Row {
    inputs: [f64; INPUTS],
    ratio: f64,
}

fn rows(samples: &[VarianceSample]) -> Vec<Row> {
    let row = |sample: &VarianceSample| {
        let distance = log_volatility(sample.outcome) - log_volatility(sample.forecast);
        let ratio = libm::exp(2.0 * distance);
        Some(Row { inputs: inputs(sample.forecast, &sample.realised)?, ratio })
            .filter(|row| row.ratio.is_finite())
    };
    samples.iter().filter_map(row).collect()
}

/// The mean of the squared outcome over the squared forecast.
pub(super) fn mean_ratio(samples: &[VarianceSample]) -> Option<f64> {
    mean(&rows(samples))
}

fn mean(rows: &[Row]) -> Option<f64> {
    (!rows.is_empty()).then(|| rows.iter().map(|row| row.ratio).sum::<f64>() / rows.len() as f64)
}

pub(super) fn fit(samples: &[VarianceSample]) -> Option<[f64; INPUTS]> {
    let rows = rows(samples);
    let mut weights = [0.0; INPUTS];
    weights[0] = libm::log(mean(&rows)?);
    let mut at = Derivatives::at(&weights, &rows);
    for _ in 0..STEPS_MOST {
        let step = cholesky::solve(&at.second, &at.first, &RIDGE);
        // Far from the minimum a whole step may overshoot.
        let halved = std::iter::successors(Some(1.0), |share: &f64| Some(share / 2.0)).take(20);
        let better = halved
            .map(|share| std::array::from_fn(|one| weights[one] - share * step[one]))
            .find_map(|tried| {
                Some((tried, Derivatives::at(&tried, &rows))).filter(|(_, found)| found.loss <= at.loss)
            });
        let Some((tried, found)) = better else { break };
        let enough = at.loss - found.loss <= BETTER * rows.len() as f64;
        (weights, at) = (tried, found);
        if enough {
            break;
        }
    }
    Some(weights)
}

/// The penalised loss, its gradient, and the second derivatives of the loss without the penalty.
struct Derivatives {
    loss: f64,
    first: [f64; INPUTS],
    second: [[f64; INPUTS]; INPUTS],
}

impl Derivatives {
    fn at(weights: &[f64; INPUTS], rows: &[Row]) -> Self {
        let mut found = Self { loss: 0.0, first: [0.0; INPUTS], second: [[0.0; INPUTS]; INPUTS] };
        for row in rows {
            let expected = dot(weights, &row.inputs);
            let left = row.ratio * libm::exp(-expected);
            found.loss += left + expected;
            for (one, input) in row.inputs.iter().enumerate() {
                found.first[one] += (1.0 - left) * input;
                for (second, other) in found.second[one][..=one].iter_mut().zip(&row.inputs) {
                    *second += left * input * other;
                }
            }
        }
        for (one, weight) in weights.iter().enumerate() {
            found.loss += 0.5 * RIDGE[one] * weight * weight;
            found.first[one] += RIDGE[one] * weight;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::VarianceModel;
    use super::*;
    use crate::score::qlike;

    const LAW: [f64; INPUTS] = [0.6, -0.1, 0.15, -0.3, -0.2];

    /// Rows whose squared outcome is exponential around what a known law says, and what that is.
    fn samples(count: usize) -> Vec<(VarianceSample, f64)> {
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        };
        let sample = |_| {
            let forecast = libm::exp(-6.5 + 2.0 * uniform());
            let realised = std::array::from_fn(|_| 0.5 * forecast * libm::exp(1.6 * uniform() - 0.8));
            let expected = dot(&LAW, &inputs(forecast, &realised).expect("known"));
            let truth = forecast * libm::exp(0.5 * expected);
            let outcome = truth * (-libm::log(uniform())).sqrt();
            (VarianceSample { forecast, realised, outcome }, truth)
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn a_known_law_is_found() {
        let (rows, truths): (Vec<_>, Vec<_>) = samples(40_000).into_iter().unzip();
        let model = VarianceModel::fit(&rows).expect("rows");
        for (row, truth) in rows.iter().zip(truths) {
            let found = model.root_mean_square(row.forecast, &row.realised).expect("known");
            assert!((found / truth - 1.0).abs() < 0.04, "{found} for {truth}");
        }
    }

    #[test]
    fn the_fit_has_the_least_qlike_of_all_around_it_and_less_than_a_constant() {
        let rows: Vec<_> = samples(3_000).into_iter().map(|(row, _)| row).collect();
        let loss = |model: &VarianceModel| -> f64 {
            let of = |row: &VarianceSample| {
                qlike(model.root_mean_square(row.forecast, &row.realised).expect("known"), row.outcome)
            };
            let penalty: f64 =
                model.weights.iter().zip(RIDGE).map(|(weight, ridge)| 0.5 * ridge * weight * weight).sum();
            rows.iter().map(of).sum::<f64>() + penalty
        };
        let model = VarianceModel::fit(&rows).expect("rows");
        assert!(loss(&model) < loss(&VarianceModel::constant(&rows).expect("rows")));
        for one in 0..INPUTS {
            for step in [-0.01, 0.01] {
                let mut other = model;
                other.weights[one] += step;
                assert!(loss(&model) < loss(&other), "weight {one}");
            }
        }
    }

    #[test]
    fn rows_with_something_missing_are_left_out() {
        let mut rows: Vec<_> = samples(500).into_iter().map(|(row, _)| row).collect();
        let whole = VarianceModel::fit(&rows);
        rows.push(VarianceSample { outcome: f64::NAN, ..rows[0] });
        rows.push(VarianceSample { forecast: f64::NAN, ..rows[0] });
        assert_eq!(VarianceModel::fit(&rows), whole);
    }

    #[test]
    fn rows_that_are_all_the_same_give_their_factor() {
        let row = VarianceSample { forecast: 0.01, realised: [0.005; 3], outcome: 0.02 };
        let model = VarianceModel::fit(&[row; 50]).expect("rows");
        let found = model.root_mean_square(0.01, &[0.005; 3]).expect("known");
        assert!((found / 0.02 - 1.0).abs() < 1e-9, "{found}");
    }
}
