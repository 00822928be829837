//! The original libraries, asked.

use std::collections::BTreeMap;

use forecast::{GoldenLibrary, ParityRow};

use crate::Result;
use crate::fit::{
    LightGbm, LightGbmModel, Matrix, XgBoost, XgBoostModel, lightgbm_path, lightgbm_version, xgboost_path,
};
use crate::machine::cores;
use crate::train::single_precision;
use crate::trained::BoosterFile;

/// Both libraries.
pub(super) struct Originals {
    lightgbm: LightGbm,
    xgboost: XgBoost,
    pub(super) versions: BTreeMap<String, String>,
}

/// One booster as its own library reads it.
pub(super) enum Original {
    LightGbm(LightGbmModel),
    XgBoost(XgBoost, XgBoostModel),
}

/// What a library says, row after row; XGBoost's f32 are widened.
pub(super) struct Answers {
    /// Before the link function.
    pub(super) margins: Vec<f64>,
    /// After it.
    pub(super) predictions: Vec<f64>,
}

impl Originals {
    pub(super) fn load() -> Result<Self> {
        let path = lightgbm_path()?;
        let (lightgbm, xgboost) = (LightGbm::load(&path)?, XgBoost::load(&xgboost_path()?)?);
        let versions = [("lightgbm", lightgbm_version(&path)), ("xgboost", xgboost.version())];
        let versions = versions.map(|(name, version)| (name.to_owned(), version)).into();
        Ok(Self { lightgbm, xgboost, versions })
    }

    pub(super) fn open(&self, file: &BoosterFile<'_>) -> Result<Original> {
        Ok(match file.library {
            GoldenLibrary::LightGbm => Original::LightGbm(self.lightgbm.model(file.original)?),
            GoldenLibrary::XgBoost => {
                Original::XgBoost(self.xgboost.clone(), self.xgboost.model(file.original)?)
            }
        })
    }
}

impl Original {
    /// Whether the library takes a row.
    pub(super) fn takes(&self, row: &[f64]) -> bool {
        matches!(self, Self::LightGbm(_)) || !ParityRow::infinite_in_single_precision(row)
    }

    /// Asks for whole rows of a width.
    pub(super) fn ask(&self, rows: &[f64], width: usize) -> Result<Answers> {
        match self {
            Self::LightGbm(model) => {
                let matrix = Matrix::new(rows, width)?;
                let ask = |raw| model.predict(matrix, raw, cores());
                Ok(Answers { margins: ask(true)?, predictions: ask(false)? })
            }
            Self::XgBoost(library, model) => {
                let data = library.data(Matrix::new(&single_precision(rows), width)?, cores())?;
                let ask = |raw| Ok::<_, crate::TrainerError>(widen(&model.predict(&data, raw)?));
                Ok(Answers { margins: ask(true)?, predictions: ask(false)? })
            }
        }
    }
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}
