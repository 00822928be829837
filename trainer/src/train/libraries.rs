//! The two libraries, to the training the same: binned rows are handed over once for all tasks, then each task is fitted.

use std::sync::Arc;

use forecast::Task;

use super::library::Library;
use super::recipe;
use crate::Result;
use crate::fit::{
    Binned, Fit, LightGbm, LightGbmRows, Parameters, Schedule, Taught, Threads, XgBoost, XgBoostRows,
    lightgbm_path, lightgbm_version, xgboost_path,
};

/// A library, and by which name and version boosters of it are kept.
pub(super) struct Versioned<L> {
    pub(super) library: L,
    pub(super) version: String,
}

/// Both, loaded.
pub(super) struct Libraries {
    pub(super) lightgbm: Versioned<LightGbm>,
    pub(super) xgboost: Versioned<XgBoost>,
}

/// What a training needs of a library.
pub(super) trait Boosting: Sized {
    /// Which one it is.
    const LIBRARY: Library;
    /// Rows as it holds them.
    type Rows;

    /// Finds and loads it.
    fn find() -> Result<Versioned<Self>>;

    /// Hands binned rows over.
    fn rows(&self, binned: &Arc<Binned>, threads: usize) -> Result<Self::Rows>;

    /// Fits a task's booster; `threads` tells how many it may take.
    fn fit(
        &self,
        rows: (&Taught<'_, Self::Rows>, Option<&Taught<'_, Binned>>),
        task: Task,
        parameters: &Parameters,
        schedule: (Schedule, Threads<'_>),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit>;
}

impl Libraries {
    pub(super) fn load() -> Result<Self> {
        Ok(Self { lightgbm: LightGbm::find()?, xgboost: XgBoost::find()? })
    }
}

impl Boosting for LightGbm {
    const LIBRARY: Library = Library::Lightgbm;
    type Rows = LightGbmRows;

    fn find() -> Result<Versioned<Self>> {
        let path = lightgbm_path()?;
        let version = format!("lightgbm {}", lightgbm_version(&path));
        Ok(Versioned { library: Self::load(&path)?, version })
    }

    fn rows(&self, binned: &Arc<Binned>, threads: usize) -> Result<Self::Rows> {
        Ok(Self::rows(self, binned, threads)?)
    }

    fn fit(
        &self,
        (learned, followed): (&Taught<'_, Self::Rows>, Option<&Taught<'_, Binned>>),
        task: Task,
        parameters: &Parameters,
        schedule: (Schedule, Threads<'_>),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit> {
        Ok(self.train(learned, followed, (recipe::loss(task), parameters), schedule, progress)?)
    }
}

impl Boosting for XgBoost {
    const LIBRARY: Library = Library::Xgboost;
    type Rows = XgBoostRows;

    fn find() -> Result<Versioned<Self>> {
        let library = Self::load(&xgboost_path()?)?;
        let version = format!("xgboost {}", library.version());
        Ok(Versioned { library, version })
    }

    fn rows(&self, binned: &Arc<Binned>, threads: usize) -> Result<Self::Rows> {
        Ok(Self::rows(self, binned, recipe::BINS, threads)?)
    }

    fn fit(
        &self,
        (learned, followed): (&Taught<'_, Self::Rows>, Option<&Taught<'_, Binned>>),
        task: Task,
        parameters: &Parameters,
        schedule: (Schedule, Threads<'_>),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit> {
        Ok(self.train(learned, followed, (recipe::loss(task), parameters), schedule, progress)?)
    }
}
