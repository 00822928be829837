//! Reads LightGBM and XGBoost models and answers the original library's bits, without the library.
//!
//! ```
//! use forest::{Booster, Limits};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/xgboost-binary.ubj");
//! let booster = Booster::from_xgboost_ubjson(&std::fs::read(path)?, &Limits::default())?;
//! let mut probability = [0.0];
//! booster.predict(&[0.3, f64::NAN, -1.0, 0.0, 2.5], &mut probability)?;
//! assert!(probability[0] > 0.0 && probability[0] < 1.0);
//! # Ok(())
//! # }
//! ```
//!
//! # Which models
//! - **LightGBM** text files, versions v3 and v4: regression (with `reg_sqrt`), l1, huber, fair, quantile, mape,
//!   poisson, gamma, tweedie, binary, cross-entropy, multiclass, multiclassova, lambdarank, xendcg and custom
//!   objectives; numerical and categorical splits; missing values none, zero and NaN; random forests; DART.
//! - **XGBoost** UBJSON and JSON files, versions 1.6 to 3.2: every `reg:*`, `binary:*`, `multi:*` and `rank:*` of
//!   them, `count:poisson`, `survival:cox`; numerical and categorical splits; base scores of both file
//!   generations; several targets; DART; parallel trees.
//!
//! Everything else (linear trees and boosters, multi-output trees, `cross_entropy_lambda`, `survival:aft`,
//! `reg:expectileerror`) is a [`LoadError`] that names it.
//!
//! Answers are 3.2's also where later versions of XGBoost changed their mind, and no golden comes from those:
//! - `reg:expectileerror` came with 3.3. It is no identity: of several expectiles each one after the first is the
//!   one before, 1e-6 and the softplus of its raw score, summed in f32, and base scores go the way back. That asks
//!   for `log1pf` and `expm1f` with glibc's bits, and 3.2 refuses the file.
//! - `reg:quantileerror` of several quantiles is answered as 3.2 does, each by its own trees; 3.4 sorts them, and a file
//!   that it wrote is refused.
//!
//! # What "the original's bits" means
//! The rules that decide the last bit, each checked by golden rows from LightGBM 4.7.0 and XGBoost 3.2.0 that
//! stand on thresholds, one step beside them, or are special (`tests/goldens/make.py`):
//!
//! | | LightGBM | XGBoost |
//! |---|---|---|
//! | a row's value | f64; up to 1e-35f it is 0 before anything else | rounded to f32 |
//! | goes left | `value <= threshold`, f64 | `value < threshold`, f32 |
//! | NaN | by the split: missing, or 0 | missing |
//! | the sum | f64 from 0, in tree order | f32 from the base score, in tree order of each output |
//! | `exp` | f64 | f32; a softmax is summed in f64 |
//!
//! The functions `exp`, `expf` and `logf` are in the crate ([`elementary`]), with the bits of glibc on machines
//! with a fused multiply-add, so that an answer never depends on the machine it is asked on.
//!
//! XGBoost's `predict` and `inplace_predict` round DART models differently; this crate follows `predict`.
//! `multi:softmax` answers the probabilities, of which the original answers the index of the largest.
//!
//! What single trees say comes from the specification form, tree by tree: the leaf that a row reaches
//! ([`Model::leaves`]) and what it adds to the raw score ([`Model::tree_values`]), for one row and for many.
//! Those values, added to [`Model::base`] in the original's order and width, are the raw score's bits.
//!
//! Explanations ([`Model::explainer`]) are exact TreeSHAP, laid out as LightGBM's `pred_contrib` and XGBoost's
//! `pred_contribs`: for each output the features, then the expected value, weighed by the file's own covers.
//! They are no bits of the original: all is f64, LightGBM's agree to 1e-13 of the score's scale and XGBoost's to
//! what its f32 allow. `DESIGN.md` has the formula and what it costs.
//!
//! # What can't happen
//! A model is checked when it is read: a cycle, a child or feature that isn't there, a threshold that is NaN, a
//! truncated or contradictory file, or one beyond [`Limits`] is an error that names the place. After that,
//! scoring can't panic or loop, and it allocates nothing. `tests/fuzz` looks for the contrary. Rows of the right
//! width whose values stand in another order can't be told from their numbers: who knows the names asks
//! [`Model::check_features`]. The crate does no input or output.
//!
//! # Speed
//! Answers come from a packed form (one integer comparison for each split, eight trees side by side); the plain
//! scorer, which is its specification, stays beside it ([`Model::margin`]). What an answer costs
//! on a machine says `cargo xtask bench forest`.

#![deny(unsafe_code)]

mod booster;
pub mod elementary;
mod ensemble;
mod error;
mod explain;
mod limits;
mod link;
mod load;
mod model;
mod read;
mod score;
mod single_trees;
mod splits;
mod tree;

pub use booster::Booster;
pub use ensemble::Ensemble;
pub use error::{ExplainError, FeatureError, LoadError, Place, RowError};
pub use explain::Explainer;
pub use limits::Limits;
pub use model::{Library, Model};
pub use splits::Split;
