//! Where XGBoost says that its bins end.

use std::ffi::{CStr, c_char};
use std::ptr;
use std::slice;

use serde::Deserialize;

use super::held::Held;
use super::{LIBRARY, to_size};
use crate::fit::FitError;

/// NumPy's array interface, as the library answers it.
#[derive(Deserialize)]
struct Lent {
    data: (u64, bool),
    shape: Vec<u64>,
    typestr: String,
}

/// The edges between the bins of each column, by which the library has binned some rows.
///
/// # Errors
/// When it refuses, or answers in another form.
pub(super) fn of(held: &Held) -> Result<Vec<Vec<f32>>, FitError> {
    let (mut starts, mut edges) = (ptr::null::<c_char>(), ptr::null::<c_char>());
    // SAFETY: the matrix is live, the settings are NUL-terminated, and the answers go to live locals.
    let status =
        unsafe { (held.api.matrix_edges)(held.handle, c"{}".as_ptr(), &raw mut starts, &raw mut edges) };
    held.api.check("XGDMatrixGetQuantileCut", status)?;
    // SAFETY: on success both are NUL-terminated texts that name arrays of these types (c_api.h, and their `typestr` is looked
    // at), which the library lends until its next call; all are copied at once.
    let (starts, edges): (Vec<u64>, Vec<f32>) = unsafe { (copied(starts, "<u8")?, copied(edges, "<f4")?) };
    let starts = starts
        .into_iter()
        .map(|start| to_size("the number of bins", start))
        .collect::<Result<Vec<_>, _>>()?;
    // A column's first is where its first bin begins, its last where its last one ends.
    let between = |pair: &[usize]| edges.get(pair[0] + 1..pair[1].checked_sub(1)?).map(<[f32]>::to_vec);
    let columns: Option<Vec<_>> = starts.windows(2).map(between).collect();
    columns.ok_or_else(|| {
        let answer = format!("bins of {} columns", starts.len().saturating_sub(1));
        FitError::Answer { library: LIBRARY, answer, expected: "ascending edges of each column" }
    })
}

/// A copy of an array that is lent.
///
/// # Safety
/// `text` must be NUL-terminated, and the array that it names must be live and of values that any bits are one of.
unsafe fn copied<T: Copy>(text: *const c_char, kind: &'static str) -> Result<Vec<T>, FitError> {
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let unknown = || FitError::Answer { library: LIBRARY, answer: text.to_string(), expected: "an array" };
    let lent: Lent = serde_json::from_str(&text).map_err(|_| unknown())?;
    let [count] = lent.shape[..] else { return Err(unknown()) };
    let (count, address) = (to_size("an array", count)?, to_size("an address", lent.data.0)?);
    if lent.typestr != kind || (count > 0 && address == 0) {
        return Err(unknown());
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: as the caller promises; the type is the one that the library names.
    Ok(unsafe { slice::from_raw_parts(ptr::with_exposed_provenance::<T>(address), count) }.to_vec())
}
