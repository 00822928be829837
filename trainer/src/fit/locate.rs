//! Where the original libraries' shared objects lie.

use std::path::{Path, PathBuf};

use super::FitError;

/// Names LightGBM's shared library.
pub const LIGHTGBM_VARIABLE: &str = "KLINECAST_LIGHTGBM";
/// Names XGBoost's shared library.
pub const XGBOOST_VARIABLE: &str = "KLINECAST_XGBOOST";

const LIGHTGBM_RELATIVE: &str = ".tools/boosters/lightgbm/lib/lib_lightgbm.so";
const XGBOOST_RELATIVE: &str = ".tools/boosters/xgboost/lib/libxgboost.so";

/// The LightGBM library: `KLINECAST_LIGHTGBM`, or what `scripts/setup` fetched, looked for from the current
/// directory and from the executable's upwards.
///
/// # Errors
/// [`FitError::Missing`] with the places that were tried.
pub fn lightgbm_path() -> Result<PathBuf, FitError> {
    locate("LightGBM", LIGHTGBM_VARIABLE, LIGHTGBM_RELATIVE)
}

/// The XGBoost library, likewise from `KLINECAST_XGBOOST`.
///
/// # Errors
/// [`FitError::Missing`] with the places that were tried.
pub fn xgboost_path() -> Result<PathBuf, FitError> {
    locate("XGBoost", XGBOOST_VARIABLE, XGBOOST_RELATIVE)
}

/// LightGBM's version, from the file that its package keeps beside the library's folder; its C API does not tell.
#[must_use]
pub fn lightgbm_version(library: &Path) -> String {
    let package = library.parent().and_then(Path::parent);
    let text = package.and_then(|package| std::fs::read_to_string(package.join("VERSION.txt")).ok());
    text.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn locate(
    library: &'static str,
    variable: &'static str,
    relative: &'static str,
) -> Result<PathBuf, FitError> {
    if let Some(path) = std::env::var_os(variable).filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let from = std::env::current_dir().unwrap_or_default();
    let executable = std::env::current_exe().unwrap_or_default();
    let found = from.ancestors().chain(executable.ancestors()).map(|directory| directory.join(relative));
    match found.into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => Err(FitError::Missing { library, variable, from, relative }),
    }
}
