//! Rows as XGBoost holds them: as they are, to be answered, or in bins, to be learned from.

use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use super::edges;
use super::feed::{self, Feed, Source};
use super::held::{Held, array_interface};
use super::{LIBRARY, TURNS, XgBoost, text};
use crate::fit::bins::Binned;
use crate::fit::{FitError, Matrix};

/// Rows to be answered.
pub struct XgBoostData(pub(super) Held);

/// Binned rows to be learned from.
pub struct XgBoostRows {
    pub(super) binned: Arc<Binned>,
    /// Each part as the library holds it.
    pub(super) parts: Vec<Held>,
}

impl XgBoost {
    /// Copies a matrix into the library.
    ///
    /// # Errors
    /// When the library refuses, for example because a value is infinite.
    pub fn data(&self, rows: Matrix<'_, f32>, threads: usize) -> Result<XgBoostData, FitError> {
        let _turn = TURNS.take()?;
        let array = array_interface(rows.values(), &[rows.rows(), rows.columns()], "");
        let array = text(&array)?;
        let settings = text(&format!(r#"{{"missing": NaN, "nthread": {threads}}}"#))?;
        let mut handle = ptr::null_mut();
        // SAFETY: the interface names a live buffer of exactly rows * columns f32 (checked by Matrix), which is
        // copied before the call returns.
        let status = unsafe { (self.api.matrix_create)(array.as_ptr(), settings.as_ptr(), &raw mut handle) };
        self.api.check("XGDMatrixCreateFromDense", status)?;
        let (rows, columns) = (rows.rows(), rows.columns());
        Ok(XgBoostData(Held { api: Rc::clone(&self.api), handle, rows, columns }))
    }

    /// Hands binned rows over, to be learned from; `bins` is the most that a column has, and the training's `max_bin`. The number of
    /// threads changes no bit.
    ///
    /// # Errors
    /// When the library refuses, or bins otherwise than it is told.
    pub fn rows(&self, binned: &Arc<Binned>, bins: usize, threads: usize) -> Result<XgBoostRows, FitError> {
        let _turn = TURNS.take()?;
        let settings = (bins, threads);
        // What is binned like this has its bins.
        let told = self.held(Source::Bins(&binned.columns), settings, None)?;
        if !edges::of(&told)?.iter().eq(binned.columns.iter().map(|column| &column.edges)) {
            let (answer, expected) = ("other bins".to_owned(), "those that it is told");
            return Err(FitError::Answer { library: LIBRARY, answer, expected });
        }
        let part = |cells| self.held(Source::Cells(cells, &binned.columns), settings, Some(&told));
        let parts = binned.parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        Ok(XgBoostRows { binned: Arc::clone(binned), parts })
    }

    fn held(
        &self,
        source: Source<'_>,
        (bins, threads): (usize, usize),
        like: Option<&Held>,
    ) -> Result<Held, FitError> {
        let mut feed = Feed::new(&self.api, source)?;
        let settings = text(&format!(r#"{{"missing": NaN, "nthread": {threads}, "max_bin": {bins}}}"#))?;
        let mut handle = ptr::null_mut();
        let like = like.map_or(ptr::null_mut(), |held| held.handle);
        // SAFETY: the library calls back during this call only, on this thread, with the pointer to `feed`, which
        // is live and not used otherwise meanwhile; `like` is null or a live matrix.
        let status = unsafe {
            (self.api.binned_create)(
                (&raw mut feed).cast(),
                feed.proxy.handle,
                like,
                feed::again,
                feed::next,
                settings.as_ptr(),
                &raw mut handle,
            )
        };
        feed.fault.take().map_or(Ok(()), Err)?;
        self.api.check("XGQuantileDMatrixCreateFromCallback", status)?;
        let (rows, columns) = (source.rows(), source.columns());
        Ok(Held { api: Rc::clone(&self.api), handle, rows, columns })
    }
}
