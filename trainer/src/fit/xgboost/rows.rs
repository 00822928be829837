//! Rows as XGBoost holds them: as they are, to be answered, or in bins, to be learned from.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use super::feed::{self, Feed, Source};
use super::groups::{self, Group};
use super::held::{Held, array_interface};
use super::{TURNS, XgBoost, text};
use crate::fit::bins::Binned;
use crate::fit::{FitError, Matrix};

/// Rows to be answered.
pub struct XgBoostData(pub(super) Held);

/// Binned rows to be learned from.
pub struct XgBoostRows {
    pub(super) binned: Arc<Binned>,
    pub(super) bins: usize,
    /// As the library holds them: by the number of groups, each part by its groups of columns. The usual number is there from the first, another since
    /// a training asked for it.
    pub(super) held: RefCell<BTreeMap<usize, Rc<Vec<Vec<Group>>>>>,
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
        let rows = XgBoostRows { binned: Arc::clone(binned), bins, held: RefCell::default() };
        self.groups(&rows, groups::usual(binned.columns.count()), threads)?;
        Ok(rows)
    }

    pub(super) fn held(
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
