//! Binance's wire formats as pure functions: bytes in, checked values or a named fault out. Arbitrary bytes never
//! panic, prices are the correctly rounded `f64` of the decimal text, times are milliseconds or microseconds by
//! their magnitude, row by row.

pub mod archive;
mod error;
pub mod frame;
pub mod rest;
mod row;
mod scalar;
pub mod stream;
pub mod trade;

pub use error::DecodeError;
pub(crate) use row::{Columns, decode_row};
