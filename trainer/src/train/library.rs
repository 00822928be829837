//! Which of the two libraries.

use clap::ValueEnum;
use serde::Serialize;

/// One of the two libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Library {
    /// LightGBM.
    Lightgbm,
    /// XGBoost.
    Xgboost,
}

impl Library {
    /// Both, in their order.
    pub const ALL: [Self; 2] = [Self::Lightgbm, Self::Xgboost];

    /// As its makers write it.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::Lightgbm => "LightGBM",
            Self::Xgboost => "XGBoost",
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lightgbm => "lightgbm",
            Self::Xgboost => "xgboost",
        }
    }
}
