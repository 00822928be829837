//! The plain scorer, which is the specification, and the packed one, which is fast and says the same.

pub(crate) mod bits;
pub(crate) mod packed;
pub(crate) mod reference;
