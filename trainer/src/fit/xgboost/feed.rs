//! Rows for XGBoost's binned matrix, asked for by its callbacks.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::rc::Rc;

use super::super::{FitError, Matrix};
use super::{Api, XgBoostData, array_interface, text};

/// Rows that the library asks for piece by piece, as often as it needs to see them.
pub(super) struct Feed<'a> {
    api: &'a Api,
    /// What the library reads a piece through.
    pub(super) proxy: XgBoostData,
    rows: Matrix<'a, f32>,
    next_row: usize,
    pub(super) fault: Option<FitError>,
}

/// Rows in a piece.
const PIECE_ROWS: usize = 32_768;

impl<'a> Feed<'a> {
    pub(super) fn new(api: &'a Rc<Api>, rows: Matrix<'a, f32>) -> Result<Self, FitError> {
        let mut handle = ptr::null_mut();
        // SAFETY: the answer goes to a live local.
        let status = unsafe { (api.proxy_create)(&raw mut handle) };
        api.check("XGProxyDMatrixCreate", status)?;
        let proxy = XgBoostData { api: Rc::clone(api), handle, rows: 0, columns: rows.columns() };
        Ok(Self { api, proxy, rows, next_row: 0, fault: None })
    }

    /// Hands the next piece over; `false` when there is none, or at a fault.
    fn give(&mut self) -> bool {
        let end = self.rows.rows().min(self.next_row + PIECE_ROWS);
        if self.next_row >= end || self.fault.is_some() {
            return false;
        }
        let piece = &self.rows.values()[self.next_row * self.rows.columns()..end * self.rows.columns()];
        let array = array_interface(piece, &[end - self.next_row, self.rows.columns()]);
        let given = text(&array).and_then(|array| {
            // SAFETY: the proxy is live; the interface names a part of the rows, which outlive the feed, of the stated shape;
            // it is only read.
            let status = unsafe { (self.api.proxy_dense)(self.proxy.handle, array.as_ptr()) };
            self.api.check("XGProxyDMatrixSetDataDense", status)
        });
        self.next_row = end;
        self.fault = given.err();
        self.fault.is_none()
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
