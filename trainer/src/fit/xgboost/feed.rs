//! Rows for XGBoost's binned matrix, asked for by its callbacks.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr;
use std::rc::Rc;

use super::held::{Held, array_interface};
use super::missing::LEAST;
use super::{Api, LIBRARY, text};
use crate::fit::{FitError, Matrix};

/// Rows that the library asks for piece by piece, as often as it needs to see them.
pub(super) struct Feed<'a> {
    api: &'a Api,
    /// What the library reads a piece through.
    pub(super) proxy: Held,
    rows: Matrix<'a, f64>,
    /// Whether a row is handed over.
    takes: &'a dyn Fn(usize) -> bool,
    /// The piece that it reads, in single precision.
    piece: Vec<f32>,
    next_row: usize,
    pub(super) fault: Option<FitError>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(
        api: &'a Rc<Api>,
        rows: Matrix<'a, f64>,
        takes: &'a dyn Fn(usize) -> bool,
    ) -> Result<Self, FitError> {
        let mut handle = ptr::null_mut();
        // SAFETY: the answer goes to a live local.
        let status = unsafe { (api.proxy_create)(&raw mut handle) };
        api.check("XGProxyDMatrixCreate", status)?;
        let proxy = Held { api: Rc::clone(api), handle, rows: 0, columns: rows.columns() };
        Ok(Self { api, proxy, rows, takes, piece: Vec::new(), next_row: 0, fault: None })
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        (0..self.rows.rows()).filter(|row| (self.takes)(*row)).count()
    }

    /// Hands the next piece over; `false` when there is none, or at a fault.
    fn give(&mut self) -> bool {
        if self.fault.is_some() {
            return false;
        }
        // A piece without a row that is taken is none to the library.
        let mut left = self.rows.pieces().filter(|piece| piece.start >= self.next_row);
        let Some(rows) = left.find(|piece| piece.clone().any(self.takes)) else { return false };
        let given = self.take(rows.clone()).and_then(|()| {
            let count = self.piece.len() / self.rows.columns();
            let array = text(&array_interface(&self.piece, &[count, self.rows.columns()], ""))?;
            // SAFETY: the proxy is live; the interface names a buffer of the stated shape that is not changed before the library
            // asks for the next piece; it is only read.
            let status = unsafe { (self.api.proxy_dense)(self.proxy.handle, array.as_ptr()) };
            self.api.check("XGProxyDMatrixSetDataDense", status)
        });
        self.next_row = rows.end;
        self.rows.release(rows);
        self.fault = given.err();
        self.fault.is_none()
    }

    /// Makes a piece of those of some rows that are taken.
    fn take(&mut self, rows: Range<usize>) -> Result<(), FitError> {
        self.piece.clear();
        let own = rows.filter(|row| (self.takes)(*row));
        for &value in own.flat_map(|row| self.rows.of(row..row + 1)) {
            self.piece.push(single(value)?);
        }
        Ok(())
    }
}

/// A value as the library learns from it.
///
/// # Errors
/// When it is too large for single precision, or not above what stands for the missing.
pub(super) fn single(value: f64) -> Result<f32, FitError> {
    let single = value as f32;
    if value.is_nan() {
        Ok(LEAST)
    } else if single > LEAST && single.is_finite() {
        Ok(single)
    } else {
        Err(FitError::Value { library: LIBRARY, value })
    }
}

pub(super) extern "C" fn again(feed: *mut c_void) {
    // SAFETY: the library hands back the pointer that `binned` gave it, within that call, and nothing else uses it.
    let feed = unsafe { &mut *feed.cast::<Feed<'_>>() };
    feed.next_row = 0;
}

pub(super) extern "C" fn next(feed: *mut c_void) -> c_int {
    // SAFETY: as in `again`.
    let feed = unsafe { &mut *feed.cast::<Feed<'_>>() };
    c_int::from(feed.give())
}
