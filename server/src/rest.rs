//! The HTTP face: the same answers as JSON, refusals as RFC 9457 problems.

mod door;
mod journal_json;
mod json;
mod problem;
mod requests;
mod routes;
mod scorecard;

pub use routes::{ROUTES, routes};
