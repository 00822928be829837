//! The forest against the original libraries' answers, and against hostile files.
#![allow(clippy::unwrap_used)]

mod functions;
mod golden;
mod goldens;
mod hostile;
mod packed;
mod refusals;
mod rows;
