//! LightGBM's C API (microsoft/LightGBM `include/LightGBM/c_api.h`, 4.x), made safe.
//!
//! Every handle is owned by one value that frees it, every slice's length is checked against the shape that
//! the library is told, and the library stays loaded as long as a handle lives (`Rc<Api>`). Nothing here is
//! `Send`: the library keeps its last error and its log callback per thread.

mod file;
mod gains;
mod growing;
mod rows;
mod trees;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ops::Range;
use std::path::Path;
use std::ptr;
use std::rc::Rc;

use super::turn::Turns;
use super::{FitError, Matrix};

pub use rows::LightGbmRows;

const LIBRARY: &str = "LightGBM";
static TURNS: Turns = Turns::at(LIBRARY);
const TYPE_F32: c_int = 0;
const TYPE_F64: c_int = 1;
const PREDICT_NORMAL: c_int = 0;
const PREDICT_RAW: c_int = 1;

type Handle = *mut c_void;

/// Declares the table of function pointers and the function that fills it.
macro_rules! api {
    ($($field:ident = $symbol:literal: fn($($argument:ty),*) -> $answer:ty;)*) => {
        struct Api {
            $($field: unsafe extern "C" fn($($argument),*) -> $answer,)*
            // Declared last: dropped after the pointers into it are gone.
            _library: libloading::Library,
        }

        impl Api {
            /// # Safety
            /// `library` must be LightGBM 4.x, whose functions have the signatures of the table.
            unsafe fn fill(library: libloading::Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: the signature is the one of c_api.h, as the caller promises.
                    $($field: unsafe { *library.get(concat!($symbol, "\0").as_bytes())? },)*
                    _library: library,
                })
            }
        }
    };
}

api! {
    last_error = "LGBM_GetLastError": fn() -> *const c_char;
    register_log = "LGBM_RegisterLogCallback": fn(extern "C" fn(*const c_char)) -> c_int;
    limit_threads = "LGBM_SetMaxThreads": fn(c_int) -> c_int;
    dataset_sampled = "LGBM_DatasetCreateFromSampledColumn":
        fn(*const *const f64, *const *const c_int, i32, *const c_int, i32, i32, i64, *const c_char, *mut Handle) -> c_int;
    dataset_alike = "LGBM_DatasetCreateByReference": fn(Handle, i64, *mut Handle) -> c_int;
    dataset_push = "LGBM_DatasetPushRows": fn(Handle, *const c_void, c_int, i32, i32, i32) -> c_int;
    dataset_names = "LGBM_DatasetSetFeatureNames": fn(Handle, *const *const c_char, c_int) -> c_int;
    dataset_free = "LGBM_DatasetFree": fn(Handle) -> c_int;
    booster_create = "LGBM_BoosterCreate": fn(Handle, *const c_char, *mut Handle) -> c_int;
    booster_outputs = "LGBM_BoosterNumModelPerIteration": fn(Handle, *mut c_int) -> c_int;
    booster_grow = "LGBM_BoosterUpdateOneIterCustom": fn(Handle, *const f32, *const f32, *mut c_int) -> c_int;
    booster_save = "LGBM_BoosterSaveModelToString":
        fn(Handle, c_int, c_int, c_int, i64, *mut i64, *mut c_char) -> c_int;
    booster_load = "LGBM_BoosterLoadModelFromString": fn(*const c_char, *mut c_int, *mut Handle) -> c_int;
    booster_features = "LGBM_BoosterGetNumFeature": fn(Handle, *mut c_int) -> c_int;
    booster_predict = "LGBM_BoosterPredictForMat":
        fn(Handle, *const c_void, c_int, i32, i32, c_int, c_int, c_int, c_int, *const c_char, *mut i64, *mut f64)
        -> c_int;
    booster_predict_size = "LGBM_BoosterCalcNumPredict":
        fn(Handle, c_int, c_int, c_int, c_int, *mut i64) -> c_int;
    booster_importance = "LGBM_BoosterFeatureImportance": fn(Handle, c_int, c_int, *mut f64) -> c_int;
    booster_free = "LGBM_BoosterFree": fn(Handle) -> c_int;
}

extern "C" fn silent(_message: *const c_char) {}

impl Api {
    fn check(&self, call: &'static str, status: c_int) -> Result<(), FitError> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the library answers a NUL-terminated text of this thread that lives until its next call; it
        // is copied before that.
        let message = unsafe {
            let text = (self.last_error)();
            if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
        };
        // Refused checks end with a place in the library's source, of no use to a reader.
        let message = message.split(" at /").next().unwrap_or_default().trim().to_owned();
        Err(FitError::Refused { library: LIBRARY, call, message })
    }
}

/// The loaded library.
#[derive(Clone)]
pub struct LightGbm {
    api: Rc<Api>,
}

impl LightGbm {
    /// Loads the shared library and silences its log.
    ///
    /// # Errors
    /// When the file can't be loaded or lacks a function.
    pub fn load(path: &Path) -> Result<Self, FitError> {
        let wrap = |source| FitError::Load { library: LIBRARY, path: path.to_owned(), source };
        // SAFETY: loading runs the initialisers of the official library and of its OpenMP runtime, which have
        // no preconditions.
        let library = unsafe { libloading::Library::new(path) }.map_err(wrap)?;
        // SAFETY: a library with all of these names is LightGBM, and the table was written from its 4.x header.
        let api = unsafe { Api::fill(library) }.map_err(wrap)?;
        // SAFETY: the callback is a static function that reads nothing.
        let status = unsafe { (api.register_log)(silent) };
        api.check("LGBM_RegisterLogCallback", status)?;
        Ok(Self { api: Rc::new(api) })
    }

    /// A model with its first rounds only.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn first_rounds(&self, file: &[u8], rounds: usize) -> Result<Vec<u8>, FitError> {
        let _turn = TURNS.take()?;
        let model = self.read(file)?;
        save(&self.api, model.handle, 0..rounds)
    }

    /// Reads a model file back.
    ///
    /// # Errors
    /// When the library refuses it.
    pub fn model(&self, file: &[u8]) -> Result<LightGbmModel, FitError> {
        let _turn = TURNS.take()?;
        self.read(file)
    }

    fn read(&self, file: &[u8]) -> Result<LightGbmModel, FitError> {
        let file = CString::new(file).map_err(|_| FitError::Nul { text: "the model file".to_owned() })?;
        let (mut handle, mut rounds) = (ptr::null_mut(), 0);
        // SAFETY: `file` is NUL-terminated and outlives the call; both answers go to live locals.
        let status = unsafe { (self.api.booster_load)(file.as_ptr(), &raw mut rounds, &raw mut handle) };
        self.api.check("LGBM_BoosterLoadModelFromString", status)?;
        Ok(LightGbmModel { api: Rc::clone(&self.api), handle })
    }
}

/// A trained model as the original library reads it.
pub struct LightGbmModel {
    api: Rc<Api>,
    handle: Handle,
}

impl LightGbmModel {
    /// The answers, row after row, one value or one per class each: after the link function, or `raw` before.
    ///
    /// # Errors
    /// When the rows have another width than the model's, or the library refuses.
    pub fn predict(&self, rows: Matrix<'_, f64>, raw: bool, threads: usize) -> Result<Vec<f64>, FitError> {
        let _turn = TURNS.take()?;
        let mut features = 0;
        // SAFETY: the handle is live and the answer goes to a live local.
        let status = unsafe { (self.api.booster_features)(self.handle, &raw mut features) };
        self.api.check("LGBM_BoosterGetNumFeature", status)?;
        if features != rows.columns_i32() {
            let expected = usize::try_from(features).unwrap_or(0);
            return Err(FitError::Shape { what: "a row", found: rows.columns(), expected });
        }
        let kind = if raw { PREDICT_RAW } else { PREDICT_NORMAL };
        let mut count = 0_i64;
        // SAFETY: the handle is live; -1 means all rounds.
        let status = unsafe {
            (self.api.booster_predict_size)(self.handle, rows.rows_i32(), kind, 0, -1, &raw mut count)
        };
        self.api.check("LGBM_BoosterCalcNumPredict", status)?;
        let mut out = vec![0.0_f64; usize::try_from(count).unwrap_or(0)];
        let line = text(&format!("num_threads={threads}"))?;
        // SAFETY: `rows` is a live row-major buffer of the stated shape and the model's width, and `out` has the
        // room that the library just asked for.
        let status = unsafe {
            (self.api.booster_predict)(
                self.handle,
                rows.values().as_ptr().cast(),
                TYPE_F64,
                rows.rows_i32(),
                rows.columns_i32(),
                1,
                kind,
                0,
                -1,
                line.as_ptr(),
                &raw mut count,
                out.as_mut_ptr(),
            )
        };
        self.api.check("LGBM_BoosterPredictForMat", status)?;
        Ok(out)
    }
}

impl Drop for LightGbmModel {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library and is freed once.
        unsafe { (self.api.booster_free)(self.handle) };
    }
}

fn text(value: &str) -> Result<CString, FitError> {
    CString::new(value).map_err(|_| FitError::Nul { text: value.to_owned() })
}

/// Some rounds of a live booster as a file.
fn save(api: &Api, handle: Handle, rounds: Range<usize>) -> Result<Vec<u8>, FitError> {
    let [start, count] = [rounds.start, rounds.len()]
        .map(|value| c_int::try_from(value).map_err(|_| FitError::TooLarge { what: "the rounds", value }));
    let (start, count) = (start?, count?);
    // Most files of a round are smaller.
    let mut buffer = vec![0_u8; 1 << 16];
    let mut needed = 0;
    loop {
        // SAFETY: the handle is live; the library writes nothing if the file is longer than the buffer, as it is told, and only
        // answers how much it needs.
        let status = unsafe {
            (api.booster_save)(
                handle,
                start,
                count,
                0,
                buffer.len() as i64,
                &raw mut needed,
                buffer.as_mut_ptr().cast(),
            )
        };
        api.check("LGBM_BoosterSaveModelToString", status)?;
        let needed = usize::try_from(needed).unwrap_or(0);
        if needed <= buffer.len() {
            buffer.truncate(needed);
            break;
        }
        buffer.resize(needed, 0);
    }
    // The library counts the closing NUL, which is no part of the file.
    if buffer.last() == Some(&0) {
        buffer.pop();
    }
    Ok(buffer)
}
