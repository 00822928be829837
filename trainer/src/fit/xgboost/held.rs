//! A matrix that the library holds, and how buffers are shown to it.

use std::rc::Rc;

use super::{Api, Handle};

/// A matrix of the library's.
pub(super) struct Held {
    pub(super) api: Rc<Api>,
    pub(super) handle: Handle,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library and is freed once; boosters share the matrix by reference
        // count inside the library.
        unsafe { (self.api.matrix_free)(self.handle) };
    }
}

/// Describes a buffer the way NumPy's array interface does; it is only read while the buffer lives. `more` says what a plain one
/// needs not.
pub(super) fn array_interface(values: &[f32], shape: &[usize], more: &str) -> String {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let address = values.as_ptr().expose_provenance();
    format!(
        r#"{{"data": [{address}, true], "shape": [{}], "typestr": "<f4", "version": 3{more}}}"#,
        sides.join(", ")
    )
}
