//! XGBoost's objectives: the link function, and the way of the base score to the side of raw scores.

use super::document::Item;
use crate::elementary::logf;
use crate::error::{LoadError, start};
use crate::link::Link;

/// XGBoost's `kRtEps`, by which a probability is kept away from 0 and 1.
const PROBABILITY_MARGIN: f32 = 1e-6;

#[derive(Debug)]
pub(super) struct Objective {
    pub(super) name: String,
    pub(super) link: Link,
    base: Base,
}

/// How a base score, which is a prediction, becomes a raw score.
#[derive(Debug, Clone, Copy)]
enum Base {
    Same,
    Logit,
    Logarithm,
}

impl Objective {
    pub(super) fn read(item: &Item<'_>, output_count: usize) -> Result<Objective, LoadError> {
        let name = item.get("name")?;
        let (link, base) = match name.text()? {
            "reg:squarederror"
            | "reg:linear"
            | "reg:squaredlogerror"
            | "reg:pseudohubererror"
            | "reg:absoluteerror"
            | "reg:quantileerror"
            | "binary:logitraw"
            | "rank:pairwise"
            | "rank:ndcg"
            | "rank:map" => (Link::Identity, Base::Same),
            "reg:logistic" | "binary:logistic" => (Link::SigmoidF32, Base::Logit),
            "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" => {
                (Link::ExponentialF32, Base::Logarithm)
            }
            "binary:hinge" => (Link::Hinge, Base::Same),
            "multi:softprob" | "multi:softmax" => (Link::SoftmaxF32, Base::Same),
            other => return Err(LoadError::unsupported(format!("XGBoost's objective `{}`", start(other)))),
        };
        if link == Link::SoftmaxF32 && output_count < 2 {
            return Err(name.here().contradictory("a softmax has at least two classes"));
        }
        Ok(Objective { name: name.text()?.to_owned(), link, base })
    }

    /// XGBoost's `ProbToMargin`.
    pub(super) fn margin_of_base(&self, score: f32) -> f32 {
        match self.base {
            Base::Same => score,
            Base::Logarithm => logf(score),
            Base::Logit if !(0.0..=1.0).contains(&score) => f32::NAN,
            Base::Logit => {
                let probability = score.clamp(PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN);
                -logf(1.0 / probability - 1.0)
            }
        }
    }
}
