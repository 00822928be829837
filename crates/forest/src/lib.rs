//! Reads LightGBM and XGBoost models and answers the original library's bits.

mod booster;
pub mod elementary;
mod error;
mod limits;
mod link;
mod load;
mod score;
mod tree;

pub use booster::{Booster, Library};
pub use error::{LoadError, Place, RowError};
pub use limits::Limits;
