//! The peers whose instructions are counted.

use anyhow::Result;
use forest::Library;

use super::{Libraries, LightGbm, XgBoost};
use crate::forest::counts::job;
use crate::forest::subject::Subject;
use crate::instructions::Counted;

/// Has a subject's rows scored by its original library, in the program that is counted.
pub(in crate::forest) fn count(
    libraries: &Libraries,
    subject: &Subject,
    batch: usize,
    counted: &Counted,
) -> Result<()> {
    let of = |peer: &str, score: &mut dyn FnMut()| counted.job(&job(subject, batch, peer), score);
    match subject.model.library() {
        Library::LightGbm => {
            let peer = LightGbm::new(&libraries.lightgbm, subject)?;
            match batch {
                1 => of("SingleRowFast", &mut || peer.single_row_fast(&subject.rows)),
                _ => of("PredictForMat", &mut || peer.matrix(&subject.rows, batch)),
            }
        }
        Library::XgBoost => {
            let peer = XgBoost::new(&libraries.xgboost, subject)?;
            of("PredictFromDense", &mut || peer.dense(batch));
        }
    }
    Ok(())
}
