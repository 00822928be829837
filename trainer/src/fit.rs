//! The original LightGBM and XGBoost behind one safe face: each library's C API is a table of function
//! pointers in one file, filled from the official shared libraries at run time.
//!
//! What of a training is the same for both is ours: the rows' bins (`bins.rs`), and how a model grows by trees that a library grows
//! (`boosting.rs`).
//!
//! Several threads may use them: one works with a library at a time, the others wait (`turn.rs`).
//!
//! Everything that is random is seeded, and so the same data and seed give the same bytes, with any number of threads.

mod bins;
mod boosting;
mod early_stop;
mod error;
mod lightgbm;
mod locate;
mod matrix;
mod openmp;
mod parameters;
mod threads;
mod turn;
mod xgboost;

pub use bins::{Binned, Binning};
pub use boosting::Taught;
pub use early_stop::EarlyStop;
pub use error::FitError;
pub use lightgbm::{LightGbm, LightGbmModel, LightGbmRows};
pub use locate::{LIGHTGBM_VARIABLE, XGBOOST_VARIABLE, lightgbm_path, lightgbm_version, xgboost_path};
pub use matrix::Matrix;
pub use openmp::{openmp_wait_is_passive, restart_with_passive_openmp};
pub use parameters::{Loss, Parameters, Schedule};
pub use threads::Threads;
pub use xgboost::{XgBoost, XgBoostData, XgBoostModel, XgBoostRows};

/// What a training run gave: the model file, and how the loss went.
#[derive(Debug, Clone)]
pub struct Fit {
    /// LightGBM text or XGBoost UBJSON.
    pub file: Vec<u8>,
    /// The best number of rounds (each has one tree per output); the file may have more, until it is cut.
    pub rounds: usize,
    /// How many rounds were trained before the patience ran out.
    pub rounds_trained: usize,
    /// The loss on the tuning rows after the best round; NaN if none were followed.
    pub tune_loss: f64,
}
