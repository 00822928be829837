//! XGBoost's C API (dmlc/xgboost `include/xgboost/c_api.h`, 3.x), made safe.
//!
//! Every handle is owned by one value that frees it, buffers that the library lends are copied before its next
//! call, and the library stays loaded as long as a handle lives (`Rc<Api>`). Nothing here is `Send`: the
//! library keeps its last error and its lent buffers per thread.

mod edges;
mod feed;
mod gains;
mod groups;
mod growing;
mod held;
mod missing;
mod rows;
mod trees;
mod whole;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ops::Range;
use std::path::Path;
use std::ptr;
use std::rc::Rc;
use std::slice;

use held::{Held, array_interface};

use super::FitError;
use super::turn::Turns;

pub use rows::{XgBoostData, XgBoostRows};

const LIBRARY: &str = "XGBoost";
static TURNS: Turns = Turns::at(LIBRARY);

/// A gradient and its hessian.
const PAIR_BYTES: usize = size_of::<[f32; 2]>();

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
            /// `library` must be XGBoost 3.x, whose functions have the signatures of the table.
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
    version = "XGBoostVersion": fn(*mut c_int, *mut c_int, *mut c_int) -> ();
    last_error = "XGBGetLastError": fn() -> *const c_char;
    register_log = "XGBRegisterLogCallback": fn(extern "C" fn(*const c_char)) -> c_int;
    matrix_create = "XGDMatrixCreateFromDense": fn(*const c_char, *const c_char, *mut Handle) -> c_int;
    proxy_create = "XGProxyDMatrixCreate": fn(*mut Handle) -> c_int;
    proxy_dense = "XGProxyDMatrixSetDataDense": fn(Handle, *const c_char) -> c_int;
    binned_create = "XGQuantileDMatrixCreateFromCallback":
        fn(
            *mut c_void,
            Handle,
            Handle,
            extern "C" fn(*mut c_void),
            extern "C" fn(*mut c_void) -> c_int,
            *const c_char,
            *mut Handle
        ) -> c_int;
    matrix_edges = "XGDMatrixGetQuantileCut":
        fn(Handle, *const c_char, *mut *const c_char, *mut *const c_char) -> c_int;
    matrix_free = "XGDMatrixFree": fn(Handle) -> c_int;
    booster_create = "XGBoosterCreate": fn(*const Handle, u64, *mut Handle) -> c_int;
    booster_parameter = "XGBoosterSetParam": fn(Handle, *const c_char, *const c_char) -> c_int;
    booster_names = "XGBoosterSetStrFeatureInfo":
        fn(Handle, *const c_char, *const *const c_char, u64) -> c_int;
    booster_features = "XGBoosterGetNumFeature": fn(Handle, *mut u64) -> c_int;
    booster_grow = "XGBoosterTrainOneIter":
        fn(Handle, Handle, c_int, *const c_char, *const c_char) -> c_int;
    booster_slice = "XGBoosterSlice": fn(Handle, c_int, c_int, c_int, *mut Handle) -> c_int;
    booster_save = "XGBoosterSaveModelToBuffer":
        fn(Handle, *const c_char, *mut u64, *mut *const c_char) -> c_int;
    booster_load = "XGBoosterLoadModelFromBuffer": fn(Handle, *const c_void, u64) -> c_int;
    booster_predict = "XGBoosterPredictFromDMatrix":
        fn(Handle, Handle, *const c_char, *mut *const u64, *mut u64, *mut *const f32) -> c_int;
    booster_scores = "XGBoosterFeatureScore":
        fn(
            Handle,
            *const c_char,
            *mut u64,
            *mut *const *const c_char,
            *mut u64,
            *mut *const u64,
            *mut *const f32
        ) -> c_int;
    booster_free = "XGBoosterFree": fn(Handle) -> c_int;
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
        // The library appends a stack trace, of no use to a reader.
        let message = message.split("Stack trace").next().unwrap_or_default().trim().to_owned();
        Err(FitError::Refused { library: LIBRARY, call, message })
    }
}

/// The loaded library.
#[derive(Clone)]
pub struct XgBoost {
    api: Rc<Api>,
}

impl XgBoost {
    /// Loads the shared library and silences its log.
    ///
    /// # Errors
    /// When the file can't be loaded or lacks a function.
    pub fn load(path: &Path) -> Result<Self, FitError> {
        let wrap = |source| FitError::Load { library: LIBRARY, path: path.to_owned(), source };
        // SAFETY: loading runs the initialisers of the official library and of its OpenMP runtime, which have
        // no preconditions.
        let library = unsafe { libloading::Library::new(path) }.map_err(wrap)?;
        // SAFETY: a library with all of these names is XGBoost, and the table was written from its 3.x header.
        let api = unsafe { Api::fill(library) }.map_err(wrap)?;
        // SAFETY: the callback is a static function that reads nothing.
        let status = unsafe { (api.register_log)(silent) };
        api.check("XGBRegisterLogCallback", status)?;
        Ok(Self { api: Rc::new(api) })
    }

    /// The library's version, for example `3.2.0`.
    #[must_use]
    pub fn version(&self) -> String {
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        // SAFETY: the three answers go to live locals.
        unsafe { (self.api.version)(&raw mut major, &raw mut minor, &raw mut patch) };
        format!("{major}.{minor}.{patch}")
    }

    /// A model with its first rounds only.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn first_rounds(&self, file: &[u8], rounds: usize) -> Result<Vec<u8>, FitError> {
        let _turn = TURNS.take()?;
        self.read(file)?.rounds(0..rounds)?.save()
    }

    /// Reads a model file back.
    ///
    /// # Errors
    /// When the library refuses it.
    pub fn model(&self, file: &[u8]) -> Result<XgBoostModel, FitError> {
        let _turn = TURNS.take()?;
        self.read(file)
    }

    fn read(&self, file: &[u8]) -> Result<XgBoostModel, FitError> {
        let model = XgBoostModel::new(&self.api, &[])?;
        // SAFETY: the handle is live; the buffer has the stated length and is only read during the call.
        let status =
            unsafe { (self.api.booster_load)(model.handle, file.as_ptr().cast(), file.len() as u64) };
        self.api.check("XGBoosterLoadModelFromBuffer", status)?;
        Ok(model)
    }
}

/// A model as the original library holds it.
pub struct XgBoostModel {
    api: Rc<Api>,
    handle: Handle,
}

impl XgBoostModel {
    fn new(api: &Rc<Api>, data: &[&Held]) -> Result<Self, FitError> {
        let handles: Vec<Handle> = data.iter().map(|data| data.handle).collect();
        let mut handle = ptr::null_mut();
        // SAFETY: `handles` has the stated number of live matrices, whose ownership the library shares.
        let status = unsafe { (api.booster_create)(handles.as_ptr(), handles.len() as u64, &raw mut handle) };
        api.check("XGBoosterCreate", status)?;
        Ok(Self { api: Rc::clone(api), handle })
    }

    fn set_parameter(&self, name: &str, value: &str) -> Result<(), FitError> {
        let (name, value) = (text(name)?, text(value)?);
        // SAFETY: the handle is live and both texts are copied.
        let status = unsafe { (self.api.booster_parameter)(self.handle, name.as_ptr(), value.as_ptr()) };
        self.api.check("XGBoosterSetParam", status)
    }

    fn set_names(&self, names: &[&str]) -> Result<(), FitError> {
        let names = names.iter().map(|name| text(name)).collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: `pointers` has the stated number of NUL-terminated texts that live until after the call, which
        // copies them.
        let status = unsafe {
            (self.api.booster_names)(
                self.handle,
                c"feature_name".as_ptr(),
                pointers.as_ptr(),
                pointers.len() as u64,
            )
        };
        self.api.check("XGBoosterSetStrFeatureInfo", status)
    }

    /// Grows the trees of the first round that gradients and hessians ask for: row after row, one pair an output.
    fn grow(&self, held: &Held, pairs: &[[f32; 2]], outputs: usize) -> Result<(), FitError> {
        let values = pairs.as_flattened();
        let strides = format!(r#", "strides": [{}, {}]"#, outputs * PAIR_BYTES, PAIR_BYTES);
        let of = |place: usize| {
            let values = values.get(place..).unwrap_or_default();
            text(&array_interface(values, &[held.rows, outputs], &strides))
        };
        let (gradients, hessians) = (of(0)?, of(1)?);
        // SAFETY: both handles are live; both interfaces name every second value of a live buffer, which is copied.
        let status = unsafe {
            (self.api.booster_grow)(self.handle, held.handle, 0, gradients.as_ptr(), hessians.as_ptr())
        };
        self.api.check("XGBoosterTrainOneIter", status)
    }

    /// Some of its rounds, as a model.
    fn rounds(&self, rounds: Range<usize>) -> Result<Self, FitError> {
        let [start, end] = [rounds.start, rounds.end].map(|round| to_int("the rounds", round));
        let mut handle = ptr::null_mut();
        // SAFETY: the handle is live; the answer is a new booster that the caller owns.
        let status = unsafe { (self.api.booster_slice)(self.handle, start?, end?, 1, &raw mut handle) };
        self.api.check("XGBoosterSlice", status)?;
        Ok(Self { api: Rc::clone(&self.api), handle })
    }

    fn save(&self) -> Result<Vec<u8>, FitError> {
        self.saved(c"{\"format\": \"ubj\"}")
    }

    fn saved(&self, settings: &CStr) -> Result<Vec<u8>, FitError> {
        let (mut length, mut buffer) = (0_u64, ptr::null::<c_char>());
        // SAFETY: the handle is live; both answers go to live locals.
        let status = unsafe {
            (self.api.booster_save)(self.handle, settings.as_ptr(), &raw mut length, &raw mut buffer)
        };
        self.api.check("XGBoosterSaveModelToBuffer", status)?;
        let length = to_size("the model file", length)?;
        // SAFETY: on success the library lends `length` bytes until its next call; they are copied at once.
        Ok(unsafe { slice::from_raw_parts(buffer.cast::<u8>(), length) }.to_vec())
    }

    /// The answers, row after row, one value or one per class each: after the link function, or `raw` before.
    ///
    /// # Errors
    /// When the rows have another width than the model's, or the library refuses.
    pub fn predict(&self, XgBoostData(rows): &XgBoostData, raw: bool) -> Result<Vec<f32>, FitError> {
        let _turn = TURNS.take()?;
        let mut features = 0_u64;
        // SAFETY: the handle is live and the answer goes to a live local.
        let status = unsafe { (self.api.booster_features)(self.handle, &raw mut features) };
        self.api.check("XGBoosterGetNumFeature", status)?;
        let expected = to_size("the number of features", features)?;
        if expected != rows.columns {
            return Err(FitError::Shape { what: "a row", found: rows.columns, expected });
        }
        let settings = text(&format!(
            r#"{{"type": {}, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false}}"#,
            u8::from(raw)
        ))?;
        let (mut shape, mut dimensions, mut answers) = (ptr::null(), 0_u64, ptr::null());
        // SAFETY: both handles are live; the three answers go to live locals.
        let status = unsafe {
            (self.api.booster_predict)(
                self.handle,
                rows.handle,
                settings.as_ptr(),
                &raw mut shape,
                &raw mut dimensions,
                &raw mut answers,
            )
        };
        self.api.check("XGBoosterPredictFromDMatrix", status)?;
        let dimensions = to_size("the number of dimensions", dimensions)?;
        // SAFETY: on success the library lends a shape of `dimensions` numbers, and as many answers as their
        // product, until its next call; both are copied at once.
        unsafe {
            let count: u64 = slice::from_raw_parts(shape, dimensions).iter().product();
            Ok(slice::from_raw_parts(answers, to_size("the number of answers", count)?).to_vec())
        }
    }
}

impl Drop for XgBoostModel {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library and is freed once.
        unsafe { (self.api.booster_free)(self.handle) };
    }
}

fn text(value: &str) -> Result<CString, FitError> {
    CString::new(value).map_err(|_| FitError::Nul { text: value.to_owned() })
}

fn to_int(what: &'static str, value: usize) -> Result<c_int, FitError> {
    c_int::try_from(value).map_err(|_| FitError::TooLarge { what, value })
}

fn to_size(what: &'static str, value: u64) -> Result<usize, FitError> {
    usize::try_from(value).map_err(|_| FitError::TooLarge { what, value: usize::MAX })
}
