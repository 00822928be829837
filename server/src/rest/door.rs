//! The decision about who may do what, as this face shows it.

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{Request, Response};

use super::inference;
use super::manners::refused;
use crate::access::{Need, Rendering, table};
use crate::reason::Refusal;
use crate::web::Face;

/// Requests by the route that the router has matched, refusals as problems.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest;

impl Rendering for Rest {
    type Body = Body;

    fn need<B>(request: &Request<B>) -> Need {
        let pattern = request.extensions().get::<MatchedPath>();
        table::route_need(request.method().as_str(), pattern.map(MatchedPath::as_str))
    }

    fn is_stream<B>(request: &Request<B>) -> bool {
        let path = request.uri().path();
        path.ends_with("/stream") || path.ends_with("/ws")
    }

    fn what<B>(request: &Request<B>) -> String {
        let pattern = request.extensions().get::<MatchedPath>().map_or("_OTHER", MatchedPath::as_str);
        format!("{} {pattern}", request.method())
    }

    fn refuse<B>(request: &Request<B>, refusal: Refusal) -> Response<Body> {
        refused(refusal, inference::has(request.uri().path()))
    }

    fn outcome(answer: &Response<Body>) -> String {
        answer.status().as_u16().to_string()
    }
}

impl Face for Rest {
    type Body = Body;

    /// Pages get images and scripts by HTTP without saying where they come from.
    fn is_of_browser<B>(_: &Request<B>) -> bool {
        true
    }

    fn refuse<B>(request: &Request<B>, refusal: Refusal) -> Response<Body> {
        refused(refusal, inference::has(request.uri().path()))
    }
}
