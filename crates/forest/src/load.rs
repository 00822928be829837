//! The original libraries' formats, read with the original meaning.

pub(crate) mod lightgbm;
pub(crate) mod xgboost;
