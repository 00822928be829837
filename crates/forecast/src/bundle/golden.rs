//! Golden rows: feature rows and what the original libraries answered, to the bit.

use forest::{Booster, Library};
use serde::{Deserialize, Serialize};

use crate::{BundleError, Task};

/// The contents of `golden.json`. Floats are written as sixteen hexadecimal digits of their bits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Feature rows in catalogue order.
    pub rows: Vec<HexFloats>,
    /// One entry a booster.
    pub answers: Vec<GoldenAnswers>,
}

/// What one booster's original library predicted (after the link function) for each golden row. XGBoost's answers
/// are its f32, widened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenAnswers {
    /// The task.
    pub task: Task,
    /// `lightgbm` or `xgboost`.
    pub library: GoldenLibrary,
    /// One list of outputs a row.
    pub outputs: Vec<HexFloats>,
}

/// The library that answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GoldenLibrary {
    /// LightGBM.
    LightGbm,
    /// XGBoost.
    XgBoost,
}

impl From<GoldenLibrary> for Library {
    fn from(library: GoldenLibrary) -> Self {
        match library {
            GoldenLibrary::LightGbm => Self::LightGbm,
            GoldenLibrary::XgBoost => Self::XgBoost,
        }
    }
}

/// Floats whose wire form is their bits, by which they also compare: a NaN equals itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HexFloats(pub Vec<f64>);

impl PartialEq for HexFloats {
    fn eq(&self, other: &Self) -> bool {
        let bits = |floats: &Self| floats.0.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        bits(self) == bits(other)
    }
}

impl From<HexFloats> for String {
    fn from(floats: HexFloats) -> Self {
        let digits: Vec<String> = floats.0.iter().map(|value| format!("{:016x}", value.to_bits())).collect();
        digits.join(" ")
    }
}

impl TryFrom<String> for HexFloats {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.split_ascii_whitespace()
            .map(|digits| match u64::from_str_radix(digits, 16) {
                Ok(bits) if digits.len() == 16 => Ok(f64::from_bits(bits)),
                _ => Err(format!("{digits:?} is not sixteen hexadecimal digits")),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Golden {
    /// Scores every golden row with a booster and compares bits. Any NaN equals any other.
    ///
    /// # Errors
    /// The first row that differs, or that there is no row.
    pub(crate) fn check(
        &self,
        name: &str,
        task: Task,
        library: GoldenLibrary,
        booster: &Booster,
    ) -> Result<(), BundleError> {
        let answers = self.answers.iter().find(|entry| entry.task == task && entry.library == library);
        let outputs = match answers {
            Some(answers) if !answers.outputs.is_empty() => &answers.outputs,
            _ => return Err(BundleError::NoGoldenRow { name: name.to_owned() }),
        };
        if outputs.len() != self.rows.len() {
            return Err(BundleError::Malformed {
                name: "golden.json".to_owned(),
                problem: format!("{} rows, but {} answers for {name}", self.rows.len(), outputs.len()),
            });
        }
        let mut found = vec![f64::NAN; booster.output_count()];
        for (row, (values, expected)) in self.rows.iter().zip(outputs).enumerate() {
            booster.predict(&values.0, &mut found).map_err(|error| BundleError::Malformed {
                name: "golden.json".to_owned(),
                problem: format!("row {row}: {error}"),
            })?;
            if expected.0.len() != found.len() {
                return Err(BundleError::Malformed {
                    name: "golden.json".to_owned(),
                    problem: format!("row {row} has {} outputs for {name}", expected.0.len()),
                });
            }
            for (&found, &expected) in found.iter().zip(&expected.0) {
                let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
                if !same {
                    return Err(BundleError::GoldenRow {
                        name: name.to_owned(),
                        library: Library::from(library).to_string(),
                        row,
                        found,
                        found_bits: found.to_bits(),
                        expected,
                        expected_bits: expected.to_bits(),
                    });
                }
            }
        }
        Ok(())
    }
}
