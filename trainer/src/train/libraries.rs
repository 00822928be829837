//! The two libraries, to the training the same: rows are binned once for all tasks, then each task is labelled and fitted.

use std::ops::Range;

use forecast::Task;

use super::base_score::base_score;
use super::beyond;
use super::library::Library;
use super::recipe::{self, Effort};
use crate::Result;
use crate::dataset::{Dataset, RowKey};
use crate::fit::{
    Binning, Fit, FitError, LightGbm, LightGbmData, Matrix, Parameters, Schedule, XgBoost, XgBoostBins,
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

/// What is learned of one task.
#[derive(Clone, Copy)]
pub(super) struct Labelled<'a> {
    pub(super) task: Task,
    pub(super) labels: &'a [f32],
    pub(super) weights: &'a [f32],
}

/// What a training needs of a library.
pub(super) trait Boosting: Sized {
    /// Which one it is.
    const LIBRARY: Library;
    /// Its own name.
    const NAME: &'static str;
    /// Rows as it has binned them.
    type Rows;

    /// Finds and loads it.
    fn find() -> Result<Versioned<Self>>;

    /// Bins rows, like others where some are given.
    fn bin(
        &self,
        dataset: &Dataset,
        rows: Range<usize>,
        like: Option<&Self::Rows>,
        effort: Effort,
        threads: usize,
    ) -> Result<Self::Rows>;

    /// Says what is to be learned of the rows.
    fn label(rows: &mut Self::Rows, labelled: Labelled<'_>) -> Result<()>;

    /// The parameters, with what the labels say.
    fn informed(parameters: Parameters, labelled: Labelled<'_>) -> Parameters;

    /// Fits a task's booster; `threads` tells how many it may take.
    fn fit(
        &self,
        rows: (&Self::Rows, Option<&Self::Rows>),
        task: Task,
        parameters: &Parameters,
        schedule: (Schedule, &dyn Fn() -> usize),
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
    const NAME: &'static str = "LightGBM";
    type Rows = LightGbmData;

    fn find() -> Result<Versioned<Self>> {
        let path = lightgbm_path()?;
        let version = format!("lightgbm {}", lightgbm_version(&path));
        Ok(Versioned { library: Self::load(&path)?, version })
    }

    fn bin(
        &self,
        dataset: &Dataset,
        rows: Range<usize>,
        like: Option<&Self::Rows>,
        effort: Effort,
        threads: usize,
    ) -> Result<Self::Rows> {
        let bins = recipe::lightgbm_bins(effort).with("num_threads", threads);
        read(dataset, rows, |matrix| self.data(matrix, &names(), &bins, like))
    }

    fn label(rows: &mut Self::Rows, labelled: Labelled<'_>) -> Result<()> {
        rows.set_labels(labelled.labels)?;
        Ok(rows.set_weights(labelled.weights)?)
    }

    fn informed(parameters: Parameters, _labelled: Labelled<'_>) -> Parameters {
        parameters
    }

    fn fit(
        &self,
        rows: (&Self::Rows, Option<&Self::Rows>),
        task: Task,
        parameters: &Parameters,
        (schedule, threads): (Schedule, &dyn Fn() -> usize),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit> {
        // It sizes its buffers by the number of threads, which has to stay what it was.
        let parameters = parameters.clone().with("num_threads", threads());
        Ok(self.train(rows, recipe::loss(task), &parameters, schedule, progress)?)
    }
}

impl Boosting for XgBoost {
    const LIBRARY: Library = Library::Xgboost;
    const NAME: &'static str = "XGBoost";
    type Rows = XgBoostBins;

    fn find() -> Result<Versioned<Self>> {
        let library = Self::load(&xgboost_path()?)?;
        let version = format!("xgboost {}", library.version());
        Ok(Versioned { library, version })
    }

    fn bin(
        &self,
        dataset: &Dataset,
        rows: Range<usize>,
        like: Option<&Self::Rows>,
        _effort: Effort,
        threads: usize,
    ) -> Result<Self::Rows> {
        // What the loss is followed on is followed as a whole.
        let part_of = like.is_none().then(|| alternating(dataset, rows.clone()));
        let binning = Binning { bins: recipe::XGBOOST_BINS, threads, part_of: part_of.as_deref() };
        read(dataset, rows, |matrix| self.binned(matrix, binning, like))
    }

    fn label(rows: &mut Self::Rows, labelled: Labelled<'_>) -> Result<()> {
        rows.set_labels(labelled.labels)?;
        Ok(rows.set_weights(labelled.weights)?)
    }

    fn informed(parameters: Parameters, Labelled { task, labels, weights }: Labelled<'_>) -> Parameters {
        parameters.with("base_score", base_score(task, labels, weights))
    }

    fn fit(
        &self,
        rows: (&Self::Rows, Option<&Self::Rows>),
        task: Task,
        parameters: &Parameters,
        schedule: (Schedule, &dyn Fn() -> usize),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit> {
        Ok(self.train(rows, &names(), recipe::loss(task), parameters, schedule, progress)?)
    }
}

/// Every other bar of a symbol, and the bars between, of which every other symbol is shifted by one: two halves that know nearly
/// the same. XGBoost's own sample of rows costs as much as all of them; a round that learns from a half costs half.
fn alternating(dataset: &Dataset, rows: Range<usize>) -> Vec<u8> {
    let part = |key: &RowKey| (key.bar.index(dataset.interval) + i64::from(key.symbol)).rem_euclid(2) as u8;
    let found: Vec<u8> = dataset.keys(rows).iter().map(part).collect();
    // Hardly any rows: a half without one could not be learned from.
    if found.contains(&0) && found.contains(&1) { found } else { vec![0; found.len()] }
}

fn names() -> Vec<&'static str> {
    features::Catalogue::standard().names().collect()
}

/// Has a library read some rows, which leave the memory as they are read.
pub(super) fn read<R>(
    dataset: &Dataset,
    rows: Range<usize>,
    read: impl FnOnce(Matrix<'_, f64>) -> std::result::Result<R, FitError>,
) -> Result<R> {
    let release = |read: Range<usize>| dataset.release(rows.start + read.start..rows.start + read.end);
    let matrix = Matrix::new(dataset.values(rows.clone()), dataset.width())?;
    read(matrix.releasing(&release)).map_err(|fault| beyond::told(dataset, rows.clone(), fault))
}
