//! How much each feature has done for a model.

use std::ffi::c_int;

use super::{LightGbmModel, TURNS};
use crate::fit::FitError;

/// `C_API_FEATURE_IMPORTANCE_GAIN` of `c_api.h`.
const GAIN: c_int = 1;

impl LightGbmModel {
    /// The sum of the gains of all splits on each feature, in the order of the columns; 0 for what is never split on.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn gains(&self) -> Result<Vec<f64>, FitError> {
        let _turn = TURNS.take()?;
        let mut features = 0;
        // SAFETY: the handle is live and the answer goes to a live local.
        let status = unsafe { (self.api.booster_features)(self.handle, &raw mut features) };
        self.api.check("LGBM_BoosterGetNumFeature", status)?;
        let mut gains = vec![0.0_f64; usize::try_from(features).unwrap_or(0)];
        // SAFETY: the handle is live; 0 means all rounds; the library writes one number a feature, for which there is room.
        let status = unsafe { (self.api.booster_importance)(self.handle, 0, GAIN, gains.as_mut_ptr()) };
        self.api.check("LGBM_BoosterFeatureImportance", status)?;
        Ok(gains)
    }
}
