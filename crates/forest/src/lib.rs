//! Reads LightGBM and XGBoost models and answers the original library's bits.

mod booster;
mod error;
mod limits;

pub use booster::{Booster, Library};
pub use error::{LoadError, Place, RowError};
pub use limits::Limits;
