//! The HTTP face: the same answers as JSON, refusals as RFC 9457 problems.

mod json;
mod problem;
mod requests;
mod routes;

pub use routes::{ROUTES, routes};
