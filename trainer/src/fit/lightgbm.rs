//! LightGBM's C API (microsoft/LightGBM `include/LightGBM/c_api.h`, 4.x), made safe.
//!
//! Every handle is owned by one value that frees it, every slice's length is checked against the shape that
//! the library is told, and the library stays loaded as long as a handle lives (`Rc<Api>`). Nothing here is
//! `Send`: the library keeps its last error and its log callback per thread.

mod data;
mod gains;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr;
use std::rc::Rc;

use super::turn::Turns;
use super::{EarlyStop, Fit, FitError, Loss, Matrix, Parameters, Schedule};

pub use data::LightGbmData;

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
    sample_count = "LGBM_GetSampleCount": fn(i32, *const c_char, *mut c_int) -> c_int;
    sample_rows = "LGBM_SampleIndices": fn(i32, *const c_char, *mut c_void, *mut i32) -> c_int;
    dataset_sampled = "LGBM_DatasetCreateFromSampledColumn":
        fn(*const *const f64, *const *const c_int, i32, *const c_int, i32, i32, i64, *const c_char, *mut Handle) -> c_int;
    dataset_alike = "LGBM_DatasetCreateByReference": fn(Handle, i64, *mut Handle) -> c_int;
    dataset_push = "LGBM_DatasetPushRows": fn(Handle, *const c_void, c_int, i32, i32, i32) -> c_int;
    dataset_field = "LGBM_DatasetSetField": fn(Handle, *const c_char, *const c_void, c_int, c_int) -> c_int;
    dataset_names = "LGBM_DatasetSetFeatureNames": fn(Handle, *const *const c_char, c_int) -> c_int;
    dataset_free = "LGBM_DatasetFree": fn(Handle) -> c_int;
    booster_create = "LGBM_BoosterCreate": fn(Handle, *const c_char, *mut Handle) -> c_int;
    booster_valid = "LGBM_BoosterAddValidData": fn(Handle, Handle) -> c_int;
    booster_update = "LGBM_BoosterUpdateOneIter": fn(Handle, *mut c_int) -> c_int;
    booster_eval_counts = "LGBM_BoosterGetEvalCounts": fn(Handle, *mut c_int) -> c_int;
    booster_eval = "LGBM_BoosterGetEval": fn(Handle, c_int, *mut c_int, *mut f64) -> c_int;
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

    /// Trains on `train`; with `tune` follows the loss on it and stops early, without takes all rounds of the schedule. Keeps
    /// all rounds that were trained: [`LightGbm::first_rounds`] cuts them off. `progress` hears of each round: its number and
    /// its loss; it may not call a library.
    ///
    /// # Errors
    /// When the library refuses the parameters, or not one round was better than none.
    pub fn train(
        &self,
        (train, tune): (&LightGbmData, Option<&LightGbmData>),
        loss: Loss,
        parameters: &Parameters,
        schedule: Schedule,
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit, FitError> {
        let (objective, metric) = match loss {
            Loss::SquaredError => ("regression", "l2"),
            Loss::BinaryLogLoss => ("binary", "binary_logloss"),
            Loss::ClassesLogLoss(_) => ("multiclass", "multi_logloss"),
        };
        let mut parameters = parameters.clone().with("objective", objective).with("metric", metric);
        if let Loss::ClassesLogLoss(classes) = loss {
            parameters = parameters.with("num_class", classes);
        }
        let _turn = TURNS.take()?;
        let booster = Training::new(&self.api, train, tune, &parameters)?;
        let mut stop = EarlyStop::new(schedule.patience.max(1));
        while stop.seen() < schedule.rounds_max {
            let exhausted = booster.update()?;
            let value = if tune.is_some() { booster.tune_loss()? } else { f64::NAN };
            progress(stop.seen() + 1, value);
            let patience_is_over = stop.push(value) && tune.is_some();
            if patience_is_over || exhausted {
                break;
            }
        }
        let file = booster.save(stop.seen())?;
        stop.finish(LIBRARY, file, tune.is_some())
    }

    /// A model with its first rounds only.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn first_rounds(&self, file: &[u8], rounds: usize) -> Result<Vec<u8>, FitError> {
        let _turn = TURNS.take()?;
        let model = self.read(file)?;
        save(&self.api, model.handle, rounds)
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

/// A booster in training; it reads its datasets at every round, so it borrows them.
struct Training<'data> {
    api: &'data Api,
    handle: Handle,
    metrics: usize,
    _data: PhantomData<&'data LightGbmData>,
}

impl<'data> Training<'data> {
    fn new(
        api: &'data Api,
        train: &'data LightGbmData,
        tune: Option<&'data LightGbmData>,
        parameters: &Parameters,
    ) -> Result<Self, FitError> {
        let line = text(&parameters.to_line())?;
        let mut handle = ptr::null_mut();
        // SAFETY: `train` is live for 'data, which this value does not outlive; the text is copied.
        let status = unsafe { (api.booster_create)(train.handle, line.as_ptr(), &raw mut handle) };
        api.check("LGBM_BoosterCreate", status)?;
        let mut training = Self { api, handle, metrics: 0, _data: PhantomData };
        let Some(tune) = tune else { return Ok(training) };
        // SAFETY: both handles are live, `tune` for 'data.
        let status = unsafe { (api.booster_valid)(handle, tune.handle) };
        api.check("LGBM_BoosterAddValidData", status)?;
        let mut metrics = 0;
        // SAFETY: the handle is live and the answer goes to a live local.
        let status = unsafe { (api.booster_eval_counts)(handle, &raw mut metrics) };
        api.check("LGBM_BoosterGetEvalCounts", status)?;
        training.metrics = usize::try_from(metrics).unwrap_or(0);
        Ok(training)
    }

    /// Adds a round; `true` when there is nothing left to split.
    fn update(&self) -> Result<bool, FitError> {
        let mut finished = 0;
        // SAFETY: the handle and the datasets that it reads are live.
        let status = unsafe { (self.api.booster_update)(self.handle, &raw mut finished) };
        self.api.check("LGBM_BoosterUpdateOneIter", status)?;
        Ok(finished != 0)
    }

    fn tune_loss(&self) -> Result<f64, FitError> {
        let mut values = vec![f64::NAN; self.metrics.max(1)];
        let mut count = 0;
        // SAFETY: the library writes as many values as it counted after the tuning data were added, and
        // `values` has room for them.
        let status = unsafe { (self.api.booster_eval)(self.handle, 1, &raw mut count, values.as_mut_ptr()) };
        self.api.check("LGBM_BoosterGetEval", status)?;
        Ok(values[0])
    }

    fn save(&self, rounds: usize) -> Result<Vec<u8>, FitError> {
        save(self.api, self.handle, rounds)
    }
}

impl Drop for Training<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library and is freed once, before its datasets.
        unsafe { (self.api.booster_free)(self.handle) };
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

/// The file ends with the parameters for information. The trees don't depend on the number of threads, so the
/// file shall not either.
fn without_threads(file: Vec<u8>) -> Vec<u8> {
    const LINE: &[u8] = b"\n[num_threads: ";
    let Some(start) = file.windows(LINE.len()).rposition(|window| window == LINE) else { return file };
    let from = start + LINE.len();
    let digits = file[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    [&file[..from], b"0", &file[from + digits..]].concat()
}

fn text(value: &str) -> Result<CString, FitError> {
    CString::new(value).map_err(|_| FitError::Nul { text: value.to_owned() })
}

/// The first rounds of a live booster as a file.
fn save(api: &Api, handle: Handle, rounds: usize) -> Result<Vec<u8>, FitError> {
    let rounds =
        c_int::try_from(rounds).map_err(|_| FitError::TooLarge { what: "the rounds", value: rounds })?;
    let mut needed = 0;
    // SAFETY: the handle is live; with a length of 0 nothing is written; the library only answers how much it needs.
    let status = unsafe { (api.booster_save)(handle, 0, rounds, 0, 0, &raw mut needed, ptr::null_mut()) };
    api.check("LGBM_BoosterSaveModelToString", status)?;
    let mut buffer = vec![0_u8; usize::try_from(needed).unwrap_or(0)];
    // SAFETY: the buffer has `needed` bytes, as the library is told.
    let status = unsafe {
        (api.booster_save)(handle, 0, rounds, 0, needed, &raw mut needed, buffer.as_mut_ptr().cast())
    };
    api.check("LGBM_BoosterSaveModelToString", status)?;
    // The library counts the closing NUL, which is no part of the file.
    if buffer.last() == Some(&0) {
        buffer.pop();
    }
    Ok(without_threads(buffer))
}
