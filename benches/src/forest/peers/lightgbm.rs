//! LightGBM's C interface, as a program calls it that wants speed.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

use anyhow::{Context as _, Result, ensure};
use klinecast_trainer::fit::lightgbm_path;

use crate::forest::subject::Subject;

type Handle = *mut c_void;
type Load = unsafe extern "C" fn(*const c_char, *mut c_int, *mut Handle) -> c_int;
type Free = unsafe extern "C" fn(Handle) -> c_int;
type Matrix = unsafe extern "C" fn(
    Handle,
    *const c_void,
    c_int,
    i32,
    i32,
    c_int,
    c_int,
    c_int,
    c_int,
    *const c_char,
    *mut i64,
    *mut f64,
) -> c_int;
type FastInit =
    unsafe extern "C" fn(Handle, c_int, c_int, c_int, c_int, i32, *const c_char, *mut Handle) -> c_int;
type Fast = unsafe extern "C" fn(Handle, *const c_void, *mut i64, *mut f64) -> c_int;

const DOUBLE: c_int = 1;
const RAW: c_int = 1;
const CONTRIBUTIONS: c_int = 3;

/// The functions that are called.
pub(super) struct Api {
    load: Load,
    free: Free,
    matrix: Matrix,
    fast_init: FastInit,
    fast: Fast,
    fast_free: Free,
    _library: libloading::Library,
}

impl Api {
    pub(super) fn load() -> Result<Self> {
        let path = lightgbm_path()?;
        // SAFETY: the official library's initialisers have no preconditions, and the types are those of its 4.x header.
        unsafe {
            let library = libloading::Library::new(&path).with_context(|| path.display().to_string())?;
            Ok(Self {
                load: *library.get(b"LGBM_BoosterLoadModelFromString\0")?,
                free: *library.get(b"LGBM_BoosterFree\0")?,
                matrix: *library.get(b"LGBM_BoosterPredictForMat\0")?,
                fast_init: *library.get(b"LGBM_BoosterPredictForMatSingleRowFastInit\0")?,
                fast: *library.get(b"LGBM_BoosterPredictForMatSingleRowFast\0")?,
                fast_free: *library.get(b"LGBM_FastConfigFree\0")?,
                _library: library,
            })
        }
    }
}

pub(super) struct LightGbm<'a> {
    api: &'a Api,
    handle: Handle,
    fast: Handle,
    width: usize,
    outputs: usize,
}

/// One thread, and no check of the row's width.
const TOLD: &std::ffi::CStr = c"num_threads=1 predict_disable_shape_check=true verbosity=-1";

impl<'a> LightGbm<'a> {
    pub(super) fn new(api: &'a Api, subject: &Subject) -> Result<Self> {
        let file = CString::new(subject.file.as_slice())?;
        let (width, outputs) = (subject.model.feature_count(), subject.model.output_count());
        let (mut handle, mut fast, mut rounds) = (ptr::null_mut(), ptr::null_mut(), 0);
        // SAFETY: the text is NUL-terminated and outlives the call; answers go to live locals.
        let status = unsafe { (api.load)(file.as_ptr(), &raw mut rounds, &raw mut handle) };
        ensure!(status == 0, "LightGBM refuses {}", subject.name);
        // SAFETY: the booster is live; the text is static.
        let status = unsafe {
            (api.fast_init)(handle, RAW, 0, -1, DOUBLE, width as i32, TOLD.as_ptr(), &raw mut fast)
        };
        ensure!(status == 0, "LightGBM gives no fast configuration for {}", subject.name);
        Ok(Self { api, handle, fast, width, outputs })
    }

    pub(super) fn single_row_fast(&self, rows: &[f64]) {
        let mut out = vec![0.0; self.outputs];
        let mut length = 0;
        for row in rows.chunks_exact(self.width) {
            // SAFETY: the configuration is live and was made for rows of this width; `out` has room for all outputs.
            unsafe { (self.api.fast)(self.fast, row.as_ptr().cast(), &raw mut length, out.as_mut_ptr()) };
        }
    }

    pub(super) fn matrix(&self, rows: &[f64], batch: usize) {
        let mut out = vec![0.0; batch * self.outputs];
        for rows in rows.chunks_exact(batch * self.width) {
            self.predict(rows, RAW, &mut out);
        }
    }

    /// SHAP values, in the order of ours.
    pub(super) fn contributions(&self, rows: &[f64]) -> Result<Vec<f64>> {
        let mut out = vec![0.0; rows.len() / self.width * self.outputs * (self.width + 1)];
        let status = self.predict(rows, CONTRIBUTIONS, &mut out);
        ensure!(status == 0, "LightGBM explains nothing");
        Ok(out)
    }

    fn predict(&self, rows: &[f64], kind: c_int, out: &mut [f64]) -> c_int {
        let (count, width, mut length) = ((rows.len() / self.width) as i32, self.width as i32, 0);
        // SAFETY: the booster is live; the rows have the stated shape; `out` has room for this kind of answer.
        unsafe {
            (self.api.matrix)(
                self.handle,
                rows.as_ptr().cast(),
                DOUBLE,
                count,
                width,
                1,
                kind,
                0,
                -1,
                TOLD.as_ptr(),
                &raw mut length,
                out.as_mut_ptr(),
            )
        }
    }
}

impl Drop for LightGbm<'_> {
    fn drop(&mut self) {
        // SAFETY: both are live and not used afterwards.
        unsafe {
            (self.api.fast_free)(self.fast);
            (self.api.free)(self.handle);
        }
    }
}
