//! The HTTP face: the same answers as JSON, refusals as RFC 9457 problems (as the protocol wants below `/v2`).

mod docs;
mod door;
mod history;
mod inference;
mod journal_json;
mod json;
mod manners;
mod media;
mod object;
mod openapi;
mod problem;
mod requests;
mod routes;
mod scorecard;
mod streams;

pub use inference::ROUTES as INFERENCE_ROUTES;
pub use routes::{ROUTES, fenced, routes};
