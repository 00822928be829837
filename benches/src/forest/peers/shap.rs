//! How far SHAP values stand from the original's.

use anyhow::{Result, ensure};
use forest::Library;

use super::hessboost::Hessboost;
use super::lightgbm::LightGbm;
use super::xgboost::XgBoost;
use super::{Libraries, Subject};
use crate::report::Measure;

const ROWS: usize = 100;

/// Our largest deviation from the original's contributions and hessboost's, in parts of the score's scale: the sum of
/// the magnitudes of the original's contributions to one output of one row.
pub(super) fn deviations(libraries: &Libraries, subject: &Subject) -> Result<Measure> {
    let rows = subject.first(ROWS);
    let original = match subject.model.library() {
        Library::LightGbm => LightGbm::new(&libraries.lightgbm, subject)?.contributions(rows)?,
        Library::XgBoost => XgBoost::new(&libraries.xgboost, subject)?.contributions(ROWS)?,
    };
    let mut explainer = subject.model.explainer()?;
    let mut ours = vec![0.0; ROWS * explainer.contribution_count()];
    explainer.contributions_batch(rows, &mut ours)?;
    let hessboost = Hessboost::new(subject)?.contributions(ROWS)?;
    let width = subject.model.feature_count() + 1;
    let name = format!("{}, SHAP, largest deviation", subject.name);
    let peer = if subject.model.library() == Library::LightGbm { "hessboost (f32)" } else { "hessboost" };
    let (ours, theirs) = (largest(&ours, &original, width)?, largest(&hessboost, &original, width)?);
    Ok(Measure::plain(name, "of scale", ours).beside(peer, theirs))
}

/// The largest deviation, in parts of the scale; each `width` values explain one output of one row.
fn largest(found: &[f64], original: &[f64], width: usize) -> Result<f64> {
    ensure!(found.len() == original.len(), "{} SHAP values of {}", found.len(), original.len());
    let of_output = |(found, original): (&[f64], &[f64])| {
        let scale: f64 = original.iter().map(|value| value.abs()).sum();
        let deviations = found.iter().zip(original).map(|(found, original)| (found - original).abs());
        deviations.fold(0.0, f64::max) / scale.max(f64::MIN_POSITIVE)
    };
    Ok(found.chunks_exact(width).zip(original.chunks_exact(width)).map(of_output).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_is_told_in_parts_of_its_own_outputs_scale() {
        let original = [3.0, -1.0, 100.0, 100.0];
        let found = largest(&[3.0, -0.5, 100.0, 101.0], &original, 2).expect("one length");
        assert!((found - 0.125).abs() < 1e-15, "{found}");
        assert_eq!(largest(&original, &original, 2).expect("one length"), 0.0);
        assert!(largest(&original[..2], &original, 2).is_err());
    }
}
