//! From the bytes of a file to a model.

use crate::load;
use crate::{Limits, LoadError, Model};

impl Model {
    /// Reads a LightGBM text model (`Booster.save_model`, `LGBM_BoosterSaveModel`), versions v3 and v4.
    ///
    /// # Errors
    /// A [`LoadError`] that names the place if the bytes are not a model, contradict themselves, use what is
    /// not supported (linear trees, `cross_entropy_lambda`) or exceed the limits.
    pub fn from_lightgbm_text(bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
        load::lightgbm::read(bytes, limits)
    }

    /// Reads an XGBoost model in UBJSON (`Booster.save_model("model.ubj")`), as versions 1.6 to 3.2 write it.
    ///
    /// # Errors
    /// A [`LoadError`] that names the place if the bytes are not a model, contradict themselves, use what is
    /// not supported (linear boosters, multi-output trees, other objectives) or exceed the limits.
    pub fn from_xgboost_ubjson(bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
        load::xgboost::read_ubjson(bytes, limits)
    }

    /// Reads an XGBoost model in JSON (`Booster.save_model("model.json")`).
    ///
    /// # Errors
    /// As [`Model::from_xgboost_ubjson`].
    pub fn from_xgboost_json(bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
        load::xgboost::read_json(bytes, limits)
    }
}
