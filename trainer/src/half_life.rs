//! After how long a row counts half.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// After so many days a row counts half.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct HalfLife(f64);

/// What is no half-life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no half-life; give a number of days above 0")]
pub struct HalfLifeError(String);

impl TryFrom<f64> for HalfLife {
    type Error = HalfLifeError;

    fn try_from(days: f64) -> Result<Self, HalfLifeError> {
        if days.is_finite() && days > 0.0 { Ok(Self(days)) } else { Err(HalfLifeError(days.to_string())) }
    }
}

impl From<HalfLife> for f64 {
    fn from(days: HalfLife) -> Self {
        days.0
    }
}

impl FromStr for HalfLife {
    type Err = HalfLifeError;

    fn from_str(text: &str) -> Result<Self, HalfLifeError> {
        text.parse::<f64>().map_err(|_| HalfLifeError(text.to_owned()))?.try_into()
    }
}

impl HalfLife {
    /// Weights that make rows of these ages in days, the newest's 0, count by their age. Their mean is 1 over all rows, so that
    /// penalties and the least rows of a leaf mean what they mean without.
    #[must_use]
    pub fn weights(self, ages: impl Iterator<Item = f64> + Clone) -> Vec<f32> {
        let weight = |age: f64| libm::exp2(-age / self.0);
        let (mut sum, mut count) = (0.0, 0_u32);
        for age in ages.clone() {
            sum += weight(age);
            count += 1;
        }
        let mean = sum / f64::from(count);
        ages.map(|age| (weight(age) / mean) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_counts_half_after_the_half_life_and_the_mean_is_one() {
        let half_life: HalfLife = "30".parse().expect("days");
        let weights = half_life.weights([90.0, 60.0, 30.0, 0.0].into_iter());
        assert_eq!(weights, [1.0, 2.0, 4.0, 8.0].map(|part: f32| part / 3.75));
        assert_eq!(half_life.weights(std::iter::empty()), [0.0_f32; 0]);
        // A very short one leaves old rows nothing, but no NaN.
        let short: HalfLife = "0.001".parse().expect("days");
        assert_eq!(short.weights([1e6, 0.0].into_iter()), [0.0, 2.0]);
    }

    #[test]
    fn what_is_no_number_of_days_is_refused() {
        for text in ["0", "-1", "inf", "NaN", "a year"] {
            let told = text.parse::<HalfLife>().expect_err("no half-life").to_string();
            assert!(told.contains(text) && told.contains("above 0"), "{told}");
        }
        assert!(serde_json::from_str::<HalfLife>("0").is_err());
    }
}
