//! Rows as XGBoost holds them: as they are, to be answered, or in bins, to be learned from.

use std::ffi::CStr;
use std::ptr;
use std::rc::Rc;

use super::feed::{self, Feed};
use super::{Api, Handle, TURNS, XgBoost, text};
use crate::fit::{FitError, Matrix};

/// A matrix of the library's.
pub(super) struct Held {
    pub(super) api: Rc<Api>,
    pub(super) handle: Handle,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Rows to be answered.
pub struct XgBoostData(pub(super) Held);

/// Binned rows with labels and weights, to be learned from: in one part, or in several that rounds learn from by turns. What is
/// missing lies below everything else (`missing.rs`).
pub struct XgBoostBins {
    pub(super) parts: Vec<Held>,
    /// Which part each row is in.
    part_of: Vec<u8>,
    pub(super) columns: usize,
}

/// How rows are binned.
#[derive(Debug, Clone, Copy)]
pub struct Binning<'a> {
    /// The most bins of a column; the training parameters must have the same `max_bin`.
    pub bins: usize,
    /// Threads; they change no bit.
    pub threads: usize,
    /// Which part each row is in, from 0 on, none of them empty; without it all are in one.
    pub part_of: Option<&'a [u8]>,
}

impl XgBoost {
    /// Copies a matrix into the library.
    ///
    /// # Errors
    /// When the library refuses, for example because a value is infinite.
    pub fn data(&self, rows: Matrix<'_, f32>, threads: usize) -> Result<XgBoostData, FitError> {
        let _turn = TURNS.take()?;
        let array = array_interface(rows.values(), &[rows.rows(), rows.columns()]);
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

    /// Bins a matrix for training; the rows are read in pieces, in single precision, and only their bins are kept. All parts
    /// have the bins of the first. Rows to tune on must be binned like those to train on: give these as `reference`.
    ///
    /// # Errors
    /// When a value is too large for single precision, a part has no row, or the library refuses.
    pub fn binned(
        &self,
        rows: Matrix<'_, f64>,
        binning: Binning<'_>,
        reference: Option<&XgBoostBins>,
    ) -> Result<XgBoostBins, FitError> {
        let part_of = binning.part_of.map_or_else(|| vec![0; rows.rows()], <[u8]>::to_vec);
        if part_of.len() != rows.rows() {
            let (found, expected) = (part_of.len(), rows.rows());
            return Err(FitError::Shape { what: "the list of parts", found, expected });
        }
        let _turn = TURNS.take()?;
        let mut parts: Vec<Held> = Vec::new();
        for part in 0..=part_of.iter().copied().max().unwrap_or(0) {
            let feed = Feed::new(&self.api, rows, (&part_of, part))?;
            let like = parts.first().or_else(|| reference.and_then(|reference| reference.parts.first()));
            let held = self.binned_part(feed, binning, like)?;
            parts.push(held);
        }
        Ok(XgBoostBins { parts, part_of, columns: rows.columns() })
    }

    fn binned_part(
        &self,
        mut feed: Feed<'_>,
        Binning { bins, threads, .. }: Binning<'_>,
        reference: Option<&Held>,
    ) -> Result<Held, FitError> {
        let settings = text(&format!(r#"{{"missing": NaN, "nthread": {threads}, "max_bin": {bins}}}"#))?;
        let mut handle = ptr::null_mut();
        let reference = reference.map_or(ptr::null_mut(), |held| held.handle);
        // SAFETY: the library calls back during this call only, on this thread, with the pointer to `feed`, which
        // is live and not used otherwise meanwhile; `reference` is null or a live matrix.
        let status = unsafe {
            (self.api.binned_create)(
                (&raw mut feed).cast(),
                feed.proxy.handle,
                reference,
                feed::again,
                feed::next,
                settings.as_ptr(),
                &raw mut handle,
            )
        };
        feed.fault.take().map_or(Ok(()), Err)?;
        self.api.check("XGQuantileDMatrixCreateFromCallback", status)?;
        let (rows, columns) = (feed.rows(), feed.proxy.columns);
        Ok(Held { api: Rc::clone(&self.api), handle, rows, columns })
    }
}

impl XgBoostBins {
    /// Sets what is to be learned, one value a row.
    ///
    /// # Errors
    /// When the number of values is not the number of rows.
    pub fn set_labels(&mut self, labels: &[f32]) -> Result<(), FitError> {
        self.set_info(c"label", "the labels", labels)
    }

    /// Sets the rows' weights; a row of weight 0 teaches nothing.
    ///
    /// # Errors
    /// When the number of values is not the number of rows.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), FitError> {
        self.set_info(c"weight", "the weights", weights)
    }

    fn set_info(&mut self, field: &CStr, what: &'static str, values: &[f32]) -> Result<(), FitError> {
        if values.len() != self.part_of.len() {
            return Err(FitError::Shape { what, found: values.len(), expected: self.part_of.len() });
        }
        for (part, held) in self.parts.iter_mut().enumerate() {
            let own = values.iter().zip(&self.part_of).filter(|(_, of)| usize::from(**of) == part);
            held.set_info(field, what, &own.map(|(value, _)| *value).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

impl Held {
    fn set_info(&mut self, field: &CStr, what: &'static str, values: &[f32]) -> Result<(), FitError> {
        if values.len() != self.rows {
            return Err(FitError::Shape { what, found: values.len(), expected: self.rows });
        }
        let array = text(&array_interface(values, &[values.len()]))?;
        let _turn = TURNS.take()?;
        // SAFETY: the handle is live and exclusively borrowed; the interface names a live buffer of the stated
        // length, which is copied.
        let status = unsafe { (self.api.matrix_info)(self.handle, field.as_ptr(), array.as_ptr()) };
        self.api.check("XGDMatrixSetInfoFromInterface", status)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library and is freed once; boosters share the matrix by reference
        // count inside the library.
        unsafe { (self.api.matrix_free)(self.handle) };
    }
}

/// Describes a buffer the way NumPy's array interface does; it is only read while the buffer lives.
pub(super) fn array_interface(values: &[f32], shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let address = values.as_ptr().expose_provenance();
    format!(
        r#"{{"data": [{address}, true], "shape": [{}], "typestr": "<f4", "version": 3}}"#,
        sides.join(", ")
    )
}
