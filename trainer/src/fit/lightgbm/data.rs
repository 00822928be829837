//! Rows as LightGBM bins them.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::rc::Rc;

use super::{Api, Handle, LightGbm, TURNS, TYPE_F32, TYPE_F64, text};
use crate::fit::{FitError, Matrix, Parameters};

/// What is smaller than this is a zero to LightGBM (`kZeroThreshold` of its `meta.h`), which keeps no zeros in a sample.
const ZERO: f64 = 1e-35;

/// Some rows' values by column, as bins are made from them; zeros are not among them.
struct Sample {
    rows: c_int,
    values: Vec<Vec<f64>>,
    /// The place in the sample of each value.
    places: Vec<Vec<c_int>>,
}

impl LightGbm {
    /// Bins a matrix. Rows to tune on must be binned like those to train on: give these as `reference`.
    ///
    /// The bins are those of `LGBM_DatasetCreateFromMat`, but the rows are read piece by piece.
    ///
    /// # Errors
    /// When names and columns differ in number, or the library refuses.
    pub fn data(
        &self,
        rows: Matrix<'_, f64>,
        names: &[&str],
        parameters: &Parameters,
        reference: Option<&LightGbmData>,
    ) -> Result<LightGbmData, FitError> {
        if names.len() != rows.columns() {
            let (found, expected) = (names.len(), rows.columns());
            return Err(FitError::Shape { what: "the list of names", found, expected });
        }
        if let Some(reference) = reference.filter(|reference| reference.columns != rows.columns()) {
            let (found, expected) = (rows.columns(), reference.columns);
            return Err(FitError::Shape { what: "a row", found, expected });
        }
        let line = parameters.to_line();
        let _turn = TURNS.take()?;
        let handle = match reference {
            Some(reference) => self.alike(rows, reference)?,
            None => self.sampled(rows, &line)?,
        };
        let data =
            LightGbmData { api: Rc::clone(&self.api), handle, rows: rows.rows(), columns: rows.columns() };
        data.push(rows)?;
        data.set_names(names)?;
        Ok(data)
    }

    fn alike(&self, rows: Matrix<'_, f64>, reference: &LightGbmData) -> Result<Handle, FitError> {
        let mut handle = ptr::null_mut();
        // SAFETY: the reference is a live dataset, and the answer goes to a live local.
        let status = unsafe {
            (self.api.dataset_alike)(reference.handle, i64::from(rows.rows_i32()), &raw mut handle)
        };
        self.api.check("LGBM_DatasetCreateByReference", status)?;
        Ok(handle)
    }

    /// A dataset without rows yet, whose bins were made from a sample.
    fn sampled(&self, rows: Matrix<'_, f64>, line: &str) -> Result<Handle, FitError> {
        let line = text(line)?;
        let mut count = 0;
        // SAFETY: the text is NUL-terminated and the answer goes to a live local.
        let status = unsafe { (self.api.sample_count)(rows.rows_i32(), line.as_ptr(), &raw mut count) };
        self.api.check("LGBM_GetSampleCount", status)?;
        let mut chosen = vec![0_i32; usize::try_from(count).unwrap_or(0)];
        // SAFETY: the library writes at most as many 32-bit numbers as it has just counted for the same rows and parameters.
        let status = unsafe {
            (self.api.sample_rows)(rows.rows_i32(), line.as_ptr(), chosen.as_mut_ptr().cast(), &raw mut count)
        };
        self.api.check("LGBM_SampleIndices", status)?;
        chosen.truncate(usize::try_from(count).unwrap_or(0));
        let sample = sample(rows, &chosen)?;
        let values: Vec<*const f64> = sample.values.iter().map(Vec::as_ptr).collect();
        let places: Vec<*const c_int> = sample.places.iter().map(Vec::as_ptr).collect();
        let counts =
            sample.values.iter().map(|values| to_int(values.len())).collect::<Result<Vec<_>, _>>()?;
        let mut handle = ptr::null_mut();
        // SAFETY: three arrays of as many elements as there are columns: of each column its values, their places, and how many
        // there are of both; all live until after the call, which copies what it needs and does not write to them.
        let status = unsafe {
            (self.api.dataset_sampled)(
                values.as_ptr(),
                places.as_ptr(),
                rows.columns_i32(),
                counts.as_ptr(),
                sample.rows,
                rows.rows_i32(),
                i64::from(rows.rows_i32()),
                line.as_ptr(),
                &raw mut handle,
            )
        };
        self.api.check("LGBM_DatasetCreateFromSampledColumn", status)?;
        Ok(handle)
    }
}

/// The chosen rows' values, which ascend by row.
fn sample(rows: Matrix<'_, f64>, chosen: &[i32]) -> Result<Sample, FitError> {
    let columns = rows.columns();
    let mut found = Sample {
        rows: to_int(chosen.len())?,
        values: (0..columns).map(|_| Vec::with_capacity(chosen.len())).collect(),
        places: (0..columns).map(|_| Vec::with_capacity(chosen.len())).collect(),
    };
    let mut next = 0;
    for piece in rows.pieces() {
        while let Some(row) = chosen.get(next).and_then(|row| usize::try_from(*row).ok()) {
            if row >= piece.end {
                break;
            }
            let place = to_int(next)?;
            for (column, &value) in rows.of(row..row + 1).iter().enumerate() {
                if value.abs() > ZERO || value.is_nan() {
                    found.values[column].push(value);
                    found.places[column].push(place);
                }
            }
            next += 1;
        }
        rows.release(piece);
    }
    Ok(found)
}

fn to_int(value: usize) -> Result<c_int, FitError> {
    c_int::try_from(value).map_err(|_| FitError::TooLarge { what: "the sample", value })
}

/// A binned matrix with labels and weights.
pub struct LightGbmData {
    api: Rc<Api>,
    pub(super) handle: Handle,
    rows: usize,
    columns: usize,
}

impl LightGbmData {
    /// Sets what is to be learned, one value a row.
    ///
    /// # Errors
    /// When the number of values is not the number of rows.
    pub fn set_labels(&mut self, labels: &[f32]) -> Result<(), FitError> {
        self.set_field(c"label", "the list of labels", labels)
    }

    /// Sets the rows' weights; a row of weight 0 teaches nothing.
    ///
    /// # Errors
    /// When the number of values is not the number of rows.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), FitError> {
        self.set_field(c"weight", "the list of weights", weights)
    }

    fn set_field(&mut self, field: &CStr, what: &'static str, values: &[f32]) -> Result<(), FitError> {
        if values.len() != self.rows {
            return Err(FitError::Shape { what, found: values.len(), expected: self.rows });
        }
        let count =
            c_int::try_from(values.len()).map_err(|_| FitError::TooLarge { what, value: values.len() })?;
        let _turn = TURNS.take()?;
        // SAFETY: the handle is live and exclusively borrowed, `values` has `count` f32, which are copied.
        let status = unsafe {
            (self.api.dataset_field)(self.handle, field.as_ptr(), values.as_ptr().cast(), count, TYPE_F32)
        };
        self.api.check("LGBM_DatasetSetField", status)
    }

    /// Fills all rows; the last one ends the loading.
    fn push(&self, rows: Matrix<'_, f64>) -> Result<(), FitError> {
        for piece in rows.pieces() {
            let [count, start] = [piece.len(), piece.start].map(to_int);
            let values = rows.of(piece.clone());
            // SAFETY: `values` is a row-major f64 buffer of the stated count of rows and the dataset's columns, which are copied into
            // bins before the call returns; all pieces lie within the rows that the dataset was made for.
            let status = unsafe {
                (self.api.dataset_push)(
                    self.handle,
                    values.as_ptr().cast(),
                    TYPE_F64,
                    count?,
                    rows.columns_i32(),
                    start?,
                )
            };
            self.api.check("LGBM_DatasetPushRows", status)?;
            rows.release(piece);
        }
        Ok(())
    }

    fn set_names(&self, names: &[&str]) -> Result<(), FitError> {
        let names = names.iter().map(|name| text(name)).collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let count = c_int::try_from(pointers.len())
            .map_err(|_| FitError::TooLarge { what: "the number of names", value: pointers.len() })?;
        // SAFETY: `pointers` has `count` NUL-terminated texts that live until after the call, which copies them.
        let status = unsafe { (self.api.dataset_names)(self.handle, pointers.as_ptr(), count) };
        self.api.check("LGBM_DatasetSetFeatureNames", status)
    }
}

impl Drop for LightGbmData {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library, is freed once, and no booster outlives the data it borrows.
        unsafe { (self.api.dataset_free)(self.handle) };
    }
}
