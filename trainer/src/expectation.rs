//! What klines, features and outcomes have to be like before anything is trained on them: expectations as data, each judged
//! by itself.
//!
//! Every expectation is of one form: of the values of a [`Measure`], a share of at least `mostly` lies between `min` and
//! `max`. That is Great Expectations' `expect_column_values_to_be_between`, and exported as such.

mod great_expectations;
mod measure;
mod observe;
mod suite;
mod table;
mod verdict;

pub(crate) use great_expectations::export;
pub use measure::Measure;
pub use observe::Observed;
pub use suite::{Expectation, STANDARD, Severity, Suite};
pub(crate) use table::table;
pub use verdict::{Checked, Unexpected, Verdict};

#[cfg(test)]
mod tests;
