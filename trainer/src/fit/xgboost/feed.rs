//! Rows for XGBoost's binned matrix, asked for by its callbacks.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::rc::Rc;

use super::held::{Held, array_interface};
use super::{Api, text};
use crate::fit::FitError;
use crate::fit::bins::{Cells, Column, Columns};
use crate::fit::matrix::PIECE_ROWS;

/// Where rows come from, and which of their columns, ascending. Each value is one that lies in the bin.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// A row a bin: each column's bins one after another, the last one again where others have more. By these few the library makes
    /// bins that end where the columns say.
    Bins(&'a Columns, &'a [usize]),
    /// Rows by the numbers of their bins.
    Cells(&'a Cells, &'a Columns, &'a [usize]),
}

impl<'a> Source<'a> {
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Bins(..) => self.own().map(|(_, column)| column.edges.len() + 1).max().unwrap_or(0),
            Self::Cells(cells, ..) => cells.rows(),
        }
    }

    pub(super) fn columns(self) -> usize {
        let (Self::Bins(_, own) | Self::Cells(_, _, own)) = self;
        own.len()
    }

    fn own(self) -> impl Iterator<Item = (usize, &'a Column)> {
        let (Self::Bins(all, own) | Self::Cells(_, all, own)) = self;
        own.iter().filter_map(|column| Some((*column, all.get(*column)?)))
    }

    /// Fills in the values of a piece of rows.
    fn piece(self, first: usize, count: usize, values: &mut Vec<f32>) {
        let width = self.columns();
        values.clear();
        values.resize(count * width, 0.0);
        for (place, (number, column)) in self.own().enumerate() {
            let own = values.iter_mut().skip(place).step_by(width);
            match self {
                Self::Bins(..) => {
                    let bins = (first..).map(|row| row.min(column.edges.len()) as u8);
                    own.zip(bins).for_each(|(value, bin)| *value = column.value(bin));
                }
                Self::Cells(cells, ..) => {
                    let bins = &cells.column(number)[first..first + count];
                    own.zip(bins).for_each(|(value, bin)| *value = column.value(*bin));
                }
            }
        }
    }
}

/// Rows that the library asks for piece by piece, as often as it needs to see them.
pub(super) struct Feed<'a> {
    api: &'a Api,
    /// What the library reads a piece through.
    pub(super) proxy: Held,
    source: Source<'a>,
    /// The piece that it reads.
    piece: Vec<f32>,
    next_row: usize,
    pub(super) fault: Option<FitError>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(api: &'a Rc<Api>, source: Source<'a>) -> Result<Self, FitError> {
        let mut handle = ptr::null_mut();
        // SAFETY: the answer goes to a live local.
        let status = unsafe { (api.proxy_create)(&raw mut handle) };
        api.check("XGProxyDMatrixCreate", status)?;
        let proxy = Held { api: Rc::clone(api), handle, rows: 0, columns: source.columns() };
        Ok(Self { api, proxy, source, piece: Vec::new(), next_row: 0, fault: None })
    }

    /// Hands the next piece over; `false` when there is none, or at a fault.
    fn give(&mut self) -> bool {
        let count = (self.source.rows() - self.next_row).min(PIECE_ROWS);
        if self.fault.is_some() || count == 0 {
            return false;
        }
        self.source.piece(self.next_row, count, &mut self.piece);
        self.next_row += count;
        let array = text(&array_interface(&self.piece, &[count, self.source.columns()], ""));
        let given = array.and_then(|array| {
            // SAFETY: the proxy is live; the interface names a buffer of the stated shape that is not changed before the library
            // asks for the next piece; it is only read.
            let status = unsafe { (self.api.proxy_dense)(self.proxy.handle, array.as_ptr()) };
            self.api.check("XGProxyDMatrixSetDataDense", status)
        });
        self.fault = given.err();
        self.fault.is_none()
    }
}

pub(super) extern "C" fn again(feed: *mut c_void) {
    // SAFETY: the library hands back the pointer that `held` gave it, within that call, and nothing else uses it.
    let feed = unsafe { &mut *feed.cast::<Feed<'_>>() };
    feed.next_row = 0;
}

pub(super) extern "C" fn next(feed: *mut c_void) -> c_int {
    // SAFETY: as in `again`.
    let feed = unsafe { &mut *feed.cast::<Feed<'_>>() };
    c_int::from(feed.give())
}
