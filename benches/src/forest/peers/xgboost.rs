//! XGBoost's C interface: `XGBoosterPredictFromDense`, which reads the caller's rows in place.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::slice;

use anyhow::{Context as _, Result, ensure};
use klinecast_trainer::fit::xgboost_path;

use crate::forest::subject::Subject;

type Handle = *mut c_void;
type Create = unsafe extern "C" fn(*const Handle, u64, *mut Handle) -> c_int;
type Free = unsafe extern "C" fn(Handle) -> c_int;
type Load = unsafe extern "C" fn(Handle, *const c_void, u64) -> c_int;
type Set = unsafe extern "C" fn(Handle, *const c_char, *const c_char) -> c_int;
type Dense = unsafe extern "C" fn(
    Handle,
    *const c_char,
    *const c_char,
    Handle,
    *mut *const u64,
    *mut u64,
    *mut *const f32,
) -> c_int;
type MatrixNew = unsafe extern "C" fn(*const f32, u64, u64, f32, *mut Handle) -> c_int;
type Predict =
    unsafe extern "C" fn(Handle, Handle, *const c_char, *mut *const u64, *mut u64, *mut *const f32) -> c_int;

/// The functions that are called.
pub(super) struct Api {
    create: Create,
    free: Free,
    load: Load,
    set: Set,
    dense: Dense,
    matrix_new: MatrixNew,
    matrix_free: Free,
    predict: Predict,
    _library: libloading::Library,
}

impl Api {
    pub(super) fn load() -> Result<Self> {
        let path = xgboost_path()?;
        // SAFETY: the official library's initialisers have no preconditions, and the types are those of its 3.x header.
        unsafe {
            let library = libloading::Library::new(&path).with_context(|| path.display().to_string())?;
            Ok(Self {
                create: *library.get(b"XGBoosterCreate\0")?,
                free: *library.get(b"XGBoosterFree\0")?,
                load: *library.get(b"XGBoosterLoadModelFromBuffer\0")?,
                set: *library.get(b"XGBoosterSetParam\0")?,
                dense: *library.get(b"XGBoosterPredictFromDense\0")?,
                matrix_new: *library.get(b"XGDMatrixCreateFromMat\0")?,
                matrix_free: *library.get(b"XGDMatrixFree\0")?,
                predict: *library.get(b"XGBoosterPredictFromDMatrix\0")?,
                _library: library,
            })
        }
    }
}

pub(super) struct XgBoost<'a> {
    api: &'a Api,
    handle: Handle,
    rows: Vec<f32>,
    width: usize,
}

/// Raw scores.
const MARGINS: &CStr =
    c"{\"type\": 1, \"iteration_begin\": 0, \"iteration_end\": 0, \"missing\": NaN, \"strict_shape\": false, \"training\": false, \"cache_id\": 0}";

/// SHAP values.
const CONTRIBUTIONS: &CStr =
    c"{\"type\": 2, \"iteration_begin\": 0, \"iteration_end\": 0, \"strict_shape\": false, \"training\": false}";

impl<'a> XgBoost<'a> {
    pub(super) fn new(api: &'a Api, subject: &Subject) -> Result<Self> {
        let mut handle = ptr::null_mut();
        // SAFETY: no matrices are given; the answer goes to a live local.
        let status = unsafe { (api.create)(ptr::null(), 0, &raw mut handle) };
        ensure!(status == 0, "XGBoost makes no booster");
        let file = &subject.file;
        // SAFETY: the booster is live; the buffer has the stated length; the texts are static.
        let status = unsafe {
            (api.load)(handle, file.as_ptr().cast(), file.len() as u64)
                | (api.set)(handle, c"nthread".as_ptr(), c"1".as_ptr())
        };
        ensure!(status == 0, "XGBoost refuses {}", subject.name);
        let rows = subject.rows.iter().map(|value| *value as f32).collect();
        Ok(Self { api, handle, rows, width: subject.model.feature_count() })
    }

    pub(super) fn dense(&self, batch: usize) {
        let (mut shape, mut dimensions, mut answer) = (ptr::null(), 0, ptr::null());
        for rows in self.rows.chunks_exact(batch * self.width) {
            let array = format!(
                "{{\"data\": [{}, true], \"shape\": [{batch}, {}], \"typestr\": \"<f4\", \"version\": 3}}",
                rows.as_ptr().addr(),
                self.width
            );
            let Ok(array) = CString::new(array) else { return };
            // SAFETY: the booster is live; the array names live rows of the stated shape, which are only read; answers go to
            // live locals and are not read.
            unsafe {
                (self.api.dense)(
                    self.handle,
                    array.as_ptr(),
                    MARGINS.as_ptr(),
                    ptr::null_mut(),
                    &raw mut shape,
                    &raw mut dimensions,
                    &raw mut answer,
                )
            };
        }
    }

    /// SHAP values of the first rows, in the order of ours.
    pub(super) fn contributions(&self, batch: usize) -> Result<Vec<f64>> {
        let (mut shape, mut dimensions, mut answer) = (ptr::null(), 0, ptr::null());
        let (rows, mut matrix) = (&self.rows[..batch * self.width], ptr::null_mut());
        // SAFETY: the rows have the stated shape and are copied.
        let status = unsafe {
            (self.api.matrix_new)(rows.as_ptr(), batch as u64, self.width as u64, f32::NAN, &raw mut matrix)
        };
        ensure!(status == 0, "XGBoost makes no matrix");
        // SAFETY: booster and matrix are live, the matrix is freed once, answers go to live locals.
        let status = unsafe {
            let status = (self.api.predict)(
                self.handle,
                matrix,
                CONTRIBUTIONS.as_ptr(),
                &raw mut shape,
                &raw mut dimensions,
                &raw mut answer,
            );
            (self.api.matrix_free)(matrix);
            status
        };
        ensure!(status == 0, "XGBoost explains nothing");
        // SAFETY: the library says how many lengths the shape has and keeps both lists until the booster is asked again.
        let found = unsafe {
            let length: u64 = slice::from_raw_parts(shape, dimensions as usize).iter().product();
            slice::from_raw_parts(answer, length as usize)
        };
        Ok(found.iter().map(|value| f64::from(*value)).collect())
    }
}

impl Drop for XgBoost<'_> {
    fn drop(&mut self) {
        // SAFETY: the booster is live and not used afterwards.
        unsafe { (self.api.free)(self.handle) };
    }
}
