//! From raw scores to predictions, each library in its own width and order.

use crate::elementary::{exp, expf};

/// The function that a model's objective applies to the raw scores of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Link {
    /// The raw score is the prediction.
    Identity,
    /// LightGBM with `reg_sqrt`: the score's square with the score's sign.
    SignedSquare,
    /// LightGBM: 1 / (1 + exp(-steepness x)) of each score, in f64.
    Sigmoid { steepness: f64 },
    /// LightGBM: exp(x), in f64.
    Exponential,
    /// LightGBM: exponentials of the distance to the largest score over their sum, in f64.
    Softmax,
    /// XGBoost: 1 / (1 + exp(-x)) in f32, with -x at most 88.7.
    SigmoidF32,
    /// XGBoost: exp(x), in f32.
    ExponentialF32,
    /// XGBoost: exponentials of the distance to the largest score in f32, summed in f64.
    SoftmaxF32,
    /// XGBoost: 1 if the score is above 0, else 0.
    Hinge,
}

impl Link {
    /// Replaces the raw scores of one row by its prediction.
    pub(crate) fn apply(self, scores: &mut [f64]) {
        match self {
            Link::Identity => {}
            Link::SignedSquare => each(scores, |x| sign(x) * x * x),
            Link::Sigmoid { steepness } => each(scores, |x| 1.0 / (1.0 + exp(-steepness * x))),
            Link::Exponential => each(scores, exp),
            Link::Softmax => softmax(scores),
            Link::SigmoidF32 => each_f32(scores, sigmoid_f32),
            Link::ExponentialF32 => each_f32(scores, expf),
            Link::SoftmaxF32 => softmax_f32(scores),
            Link::Hinge => each(scores, |x| if x > 0.0 { 1.0 } else { 0.0 }),
        }
    }
}

fn each(scores: &mut [f64], function: impl Fn(f64) -> f64) {
    for score in scores {
        *score = function(*score);
    }
}

fn each_f32(scores: &mut [f64], function: impl Fn(f32) -> f32) {
    for score in scores {
        *score = f64::from(function(*score as f32));
    }
}

fn sign(x: f64) -> f64 {
    f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

/// LightGBM's `Common::Softmax`.
fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().copied().reduce(|largest, x| if x < largest { largest } else { x });
    let Some(largest) = largest else { return };
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = exp(*score - largest);
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}

/// XGBoost's `common::Sigmoid`; the 1e-16 that it adds to the denominator vanishes in f32.
fn sigmoid_f32(x: f32) -> f32 {
    let exponent = if 88.7 < -x { 88.7 } else { -x };
    1.0 / (expf(exponent) + 1.0)
}

/// XGBoost's `common::Softmax`.
fn softmax_f32(scores: &mut [f64]) {
    let largest = scores.iter().fold(f32::NEG_INFINITY, |largest, x| largest.max(*x as f32));
    let mut sum = 0.0_f64;
    for score in &mut *scores {
        *score = f64::from(expf(*score as f32 - largest));
        sum += *score;
    }
    let sum = sum as f32;
    for score in scores {
        *score = f64::from(*score as f32 / sum);
    }
}
