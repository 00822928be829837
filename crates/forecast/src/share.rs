//! How much each of a task's two members counts: as much as the other, or by shares that were fitted on answers to rows that
//! the members had not seen (a linear opinion pool: Stone 1961, Bates and Granger 1969).

use serde::{Deserialize, Serialize};

use crate::Answer;

/// LightGBM's share of a task's ensemble, from 0 to 1; XGBoost has the rest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct LightGbmShare(f64);

/// What is no share.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("LightGBM's share is {0}, expected a number from 0 to 1")]
pub struct ShareError(f64);

impl LightGbmShare {
    /// The share nearest to a number; the half for what is no number.
    #[must_use]
    pub const fn nearest(number: f64) -> Self {
        Self(if number.is_nan() { 0.5 } else { number.clamp(0.0, 1.0) })
    }

    /// The share as a number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for LightGbmShare {
    type Error = ShareError;

    fn try_from(share: f64) -> Result<Self, ShareError> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(ShareError(share)) }
    }
}

impl From<LightGbmShare> for f64 {
    fn from(share: LightGbmShare) -> Self {
        share.0
    }
}

/// One number of LightGBM's answer and the same of XGBoost's, combined: the mean without a share. NaN where either is.
#[must_use]
pub fn combined_number(share: Option<LightGbmShare>, lightgbm: f64, xgboost: f64) -> f64 {
    match share {
        None => (lightgbm + xgboost) / 2.0,
        Some(LightGbmShare(share)) => share * lightgbm + (1.0 - share) * xgboost,
    }
}

/// The two members' answers to a task, combined number by number; NaN where either is missing.
#[must_use]
pub fn combined(share: Option<LightGbmShare>, lightgbm: &Answer, xgboost: &Answer) -> Answer {
    let number = |a: f64, b: f64| combined_number(share, a, b);
    match (lightgbm, xgboost) {
        (Answer::Value(a), Answer::Value(b)) => Answer::Value(number(*a, *b)),
        (Answer::Probabilities(a), Answer::Probabilities(b)) if a.len() == b.len() => {
            Answer::Probabilities(a.iter().zip(b).map(|(a, b)| number(*a, *b)).collect())
        }
        (Answer::Probabilities(one), _) | (_, Answer::Probabilities(one)) => {
            Answer::Probabilities(vec![f64::NAN; one.len()])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(share: f64) -> Option<LightGbmShare> {
        Some(share.try_into().expect("a share"))
    }

    #[test]
    fn the_mean_of_probabilities_is_by_class_and_a_missing_member_is_seen() {
        let a = Answer::Probabilities(vec![0.25, 0.75]);
        let b = Answer::Probabilities(vec![0.75, 0.25]);
        assert_eq!(combined(None, &a, &b), Answer::Probabilities(vec![0.5, 0.5]));
        assert_eq!(combined(share(0.75), &a, &b), Answer::Probabilities(vec![0.375, 0.625]));
        for share in [None, share(1.0), share(0.0)] {
            assert!(combined(share, &Answer::Value(1.0), &Answer::Value(f64::NAN)).is_missing());
            assert!(combined(share, &Answer::Value(f64::NAN), &Answer::Value(1.0)).is_missing());
        }
    }

    #[test]
    fn a_share_of_all_or_nothing_is_one_members_own_bits() {
        let (a, b) = (0.1 + 0.2, -7.0 / 3.0);
        assert_eq!(combined_number(share(1.0), a, b).to_bits(), a.to_bits());
        assert_eq!(combined_number(share(0.0), a, b).to_bits(), b.to_bits());
    }

    #[test]
    fn a_share_comes_back_from_json_to_the_bit_and_what_is_none_is_refused() {
        let written = serde_json::to_string(&share(0.1 + 0.2)).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Option<LightGbmShare>>(&written).expect("a share"),
            share(0.1 + 0.2)
        );
        for text in ["-0.1", "1.5"] {
            let told = serde_json::from_str::<LightGbmShare>(text).expect_err("no share").to_string();
            assert!(told.contains(text) && told.contains("from 0 to 1"), "{told}");
        }
        assert!(LightGbmShare::try_from(f64::NAN).is_err());
        assert_eq!(
            [-3.0, 0.25, 7.0, f64::NAN].map(|one| LightGbmShare::nearest(one).get()),
            [0.0, 0.25, 1.0, 0.5]
        );
    }
}
