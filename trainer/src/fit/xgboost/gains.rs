//! How much each feature has done for a model.

use std::ffi::{CStr, c_char};
use std::ptr;
use std::slice;

use super::{LIBRARY, TURNS, XgBoostModel, to_size};
use crate::fit::FitError;

impl XgBoostModel {
    /// The sum of the gains of all splits on each feature, in the order of the names with which the model was trained; 0 for
    /// what is never split on.
    ///
    /// # Errors
    /// When the library refuses, or names a feature that is none of these.
    pub fn gains(&self, names: &[&str]) -> Result<Vec<f64>, FitError> {
        let _turn = TURNS.take()?;
        let (mut count, mut features) = (0_u64, ptr::null::<*const c_char>());
        let (mut dimensions, mut shape, mut scores) = (0_u64, ptr::null::<u64>(), ptr::null::<f32>());
        let settings = c"{\"importance_type\": \"total_gain\"}";
        // SAFETY: the handle is live; the five answers go to live locals.
        let status = unsafe {
            (self.api.booster_scores)(
                self.handle,
                settings.as_ptr(),
                &raw mut count,
                &raw mut features,
                &raw mut dimensions,
                &raw mut shape,
                &raw mut scores,
            )
        };
        self.api.check("XGBoosterFeatureScore", status)?;
        let count = to_size("the number of features", count)?;
        let mut gains = vec![0.0; names.len()];
        // A model of leaves alone has no features, and nothing need be lent.
        if count == 0 {
            return Ok(gains);
        }
        // SAFETY: on success the library lends as many names, NUL-terminated, and, of trees, as many scores, until its next
        // call; both are copied at once.
        let (features, scores) =
            unsafe { (slice::from_raw_parts(features, count), slice::from_raw_parts(scores, count)) };
        for (feature, score) in features.iter().zip(scores) {
            // SAFETY: as above.
            let feature = unsafe { CStr::from_ptr(*feature) }.to_string_lossy();
            let Some(place) = names.iter().position(|name| *name == feature) else {
                let answer = feature.into_owned();
                return Err(FitError::Answer {
                    library: LIBRARY,
                    answer,
                    expected: "a feature that it was trained with",
                });
            };
            gains[place] = f64::from(*score);
        }
        Ok(gains)
    }
}
