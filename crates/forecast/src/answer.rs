//! One model's or baseline's answer to one task.

use serde::{Deserialize, Serialize};

use crate::bits;

/// A number, or the probabilities of the task's classes in the order of
/// [`Task::class_names`](crate::Task::class_names) (two for the binary task: down, up). NaN says that the answer
/// can't be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A regression's answer in the outcome's unit.
    Value(#[serde(with = "bits::scalar")] f64),
    /// One probability per class.
    Probabilities(#[serde(with = "bits::list")] Vec<f64>),
}

impl Answer {
    /// The numbers of the answer.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        match self {
            Self::Value(value) => std::slice::from_ref(value),
            Self::Probabilities(probabilities) => probabilities,
        }
    }

    /// The number of a regression.
    #[must_use]
    pub const fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Probabilities(_) => None,
        }
    }

    /// The probabilities of a class task.
    #[must_use]
    pub fn probabilities(&self) -> Option<&[f64]> {
        match self {
            Self::Value(_) => None,
            Self::Probabilities(probabilities) => Some(probabilities),
        }
    }

    /// The index of the most probable class, the first of equals; `None` for a regression or a missing answer.
    #[must_use]
    pub fn class(&self) -> Option<usize> {
        crate::score::top_class(self.probabilities()?)
    }

    /// Whether any number is missing.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.as_slice().iter().any(|value| value.is_nan())
    }

    /// Whether two answers hold the same bits.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Value(_), Self::Value(_)) | (Self::Probabilities(_), Self::Probabilities(_))
        ) && bits::same(self.as_slice(), other.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_is_the_first_of_the_most_probable() {
        assert_eq!(Answer::Probabilities(vec![0.2, 0.4, 0.4]).class(), Some(1));
        assert_eq!(Answer::Probabilities(vec![f64::NAN, 0.4]).class(), None);
        assert_eq!(Answer::Value(3.0).class(), None);
    }

    #[test]
    fn a_missing_number_survives_the_wire() -> Result<(), serde_json::Error> {
        let answer = Answer::Probabilities(vec![f64::NAN, 0.25]);
        let back: Answer = serde_json::from_str(&serde_json::to_string(&answer)?)?;
        assert!(back.same_bits(&answer) && back.is_missing());
        Ok(())
    }
}
