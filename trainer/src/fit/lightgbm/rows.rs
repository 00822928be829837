//! Rows as LightGBM holds them, to be learned from.

use std::ffi::{c_char, c_int};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use super::{Api, Handle, LightGbm, TURNS, TYPE_F32, text};
use crate::fit::FitError;
use crate::fit::bins::{Binned, Cells, Columns};
use crate::fit::matrix::PIECE_ROWS;

/// Binned rows to be learned from. To the library a value is the number of its bin, from 1 on: what it keeps of zeros is none of
/// their business.
pub struct LightGbmRows {
    pub(super) binned: Arc<Binned>,
    /// Each part as the library holds it.
    pub(super) parts: Vec<Held>,
}

/// A dataset of the library's.
pub(super) struct Held {
    api: Rc<Api>,
    pub(super) handle: Handle,
    /// How many rows it has.
    pub(super) count: usize,
}

impl LightGbm {
    /// Hands binned rows over, to be learned from. The number of threads changes no bit.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn rows(&self, binned: &Arc<Binned>, threads: usize) -> Result<LightGbmRows, FitError> {
        let _turn = TURNS.take()?;
        let mut parts: Vec<Held> = Vec::new();
        for cells in &binned.parts {
            let rows = to_int("the number of rows", cells.rows())?;
            let handle = match parts.first() {
                Some(first) => self.like(first, rows)?,
                None => self.told(&binned.columns, rows, threads)?,
            };
            let held = Held { api: Rc::clone(&self.api), handle, count: cells.rows() };
            held.push(cells)?;
            held.set_names(&binned.columns)?;
            parts.push(held);
        }
        Ok(LightGbmRows { binned: Arc::clone(binned), parts })
    }

    /// A dataset without rows yet, whose bins are ours.
    fn told(&self, columns: &Columns, rows: c_int, threads: usize) -> Result<Handle, FitError> {
        let most = columns.iter().map(|column| column.edges.len() + 1).max().unwrap_or(1);
        // A sample of which each column's bins come one after another, over and over, so that none is frequent.
        let values: Vec<Vec<f64>> = columns
            .iter()
            .map(|column| (0..most).map(|row| (1 + row % (column.edges.len() + 1)) as f64).collect())
            .collect();
        let sampled = to_int("the number of bins", most)?;
        let places: Vec<c_int> = (0..sampled).collect();
        let [counts, all] = [sampled, to_int("the number of columns", values.len())?];
        let counts = vec![counts; values.len()];
        let values: Vec<*const f64> = values.iter().map(Vec::as_ptr).collect();
        let places = vec![places.as_ptr(); values.len()];
        // One bin more, for zeros.
        let line = text(&format!(
            "max_bin={} min_data_in_bin=1 feature_pre_filter=false is_enable_sparse=false enable_bundle=false \
             verbosity=-1 num_threads={threads}",
            most + 1
        ))?;
        let mut handle = ptr::null_mut();
        // SAFETY: three arrays of as many elements as there are columns: of each column its values, their places, and how many
        // there are of both; all live until after the call, which copies what it needs and does not write to them.
        let status = unsafe {
            (self.api.dataset_sampled)(
                values.as_ptr(),
                places.as_ptr(),
                all,
                counts.as_ptr(),
                sampled,
                rows,
                i64::from(rows),
                line.as_ptr(),
                &raw mut handle,
            )
        };
        self.api.check("LGBM_DatasetCreateFromSampledColumn", status)?;
        Ok(handle)
    }

    fn like(&self, other: &Held, rows: c_int) -> Result<Handle, FitError> {
        let mut handle = ptr::null_mut();
        // SAFETY: the other one is a live dataset, and the answer goes to a live local.
        let status = unsafe { (self.api.dataset_alike)(other.handle, i64::from(rows), &raw mut handle) };
        self.api.check("LGBM_DatasetCreateByReference", status)?;
        Ok(handle)
    }
}

impl Held {
    /// Fills all rows; the last one ends the loading.
    fn push(&self, cells: &Cells) -> Result<(), FitError> {
        let columns = to_int("the number of columns", cells.columns())?;
        let mut values: Vec<f32> = Vec::new();
        for start in (0..cells.rows()).step_by(PIECE_ROWS) {
            values.clear();
            let rows = start..(start + PIECE_ROWS).min(cells.rows());
            values.extend(rows.flat_map(|row| cells.row(row)).map(|bin| f32::from(bin) + 1.0));
            let count = to_int("the number of rows", values.len() / cells.columns())?;
            let start = to_int("the number of rows", start)?;
            // SAFETY: `values` is a row-major f32 buffer of the stated count of rows and the dataset's columns, which are copied into
            // bins before the call returns; all pieces lie within the rows that the dataset was made for.
            let status = unsafe {
                (self.api.dataset_push)(self.handle, values.as_ptr().cast(), TYPE_F32, count, columns, start)
            };
            self.api.check("LGBM_DatasetPushRows", status)?;
        }
        Ok(())
    }

    fn set_names(&self, columns: &Columns) -> Result<(), FitError> {
        let names = columns.iter().map(|column| text(&column.name)).collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let count = to_int("the number of names", pointers.len())?;
        // SAFETY: `pointers` has `count` NUL-terminated texts that live until after the call, which copies them.
        let status = unsafe { (self.api.dataset_names)(self.handle, pointers.as_ptr(), count) };
        self.api.check("LGBM_DatasetSetFeatureNames", status)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library, is freed once, and no booster outlives the data it borrows.
        unsafe { (self.api.dataset_free)(self.handle) };
    }
}

pub(super) fn to_int(what: &'static str, value: usize) -> Result<c_int, FitError> {
    c_int::try_from(value).map_err(|_| FitError::TooLarge { what, value })
}
