//! What a training run is told, by each library's own names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is minimised, and followed on the tuning rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Squared error of one value.
    SquaredError,
    /// Log loss of two classes, one output.
    BinaryLogLoss,
    /// Log loss of that many classes.
    ClassesLogLoss(usize),
}

/// How far the seeds of two boosters lie apart that grow rounds of one model.
const SEEDS_APART: i64 = 7_919;

/// A library's parameters, by its own names, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Sets a parameter and hands the set on.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    /// Adds what `other` says; it wins where both speak.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// What a parameter is set to.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The same for one of several boosters: it draws other rows and columns than those of other numbers.
    pub(super) fn apart(self, number: usize) -> Self {
        match self.get("seed").and_then(|seed| seed.parse::<i64>().ok()) {
            Some(seed) if number > 0 => {
                let seed = seed.wrapping_add(SEEDS_APART.wrapping_mul(number as i64)) & i64::from(i32::MAX);
                self.with("seed", seed)
            }
            _ => self,
        }
    }

    /// Name and value, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `name=value` pairs with blanks between, as LightGBM reads them.
    #[must_use]
    pub fn to_line(&self) -> String {
        self.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }
}

/// How long to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The most rounds.
    pub rounds_max: usize,
    /// Rounds without a new best loss on the tuning rows after which training stops.
    pub patience: usize,
}
