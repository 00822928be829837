//! The decision about who may do what, as this face shows it.

use axum::http::header::ORIGIN;
use axum::http::{Request, Response, StatusCode, Version};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::access::{Need, Rendering, table};
use crate::convert;
use crate::reason::Refusal;
use crate::web::Face;

/// Requests by their method's path, refusals as statuses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grpc;

impl Rendering for Grpc {
    type Body = Body;

    fn need<B>(request: &Request<B>) -> Need {
        table::method_need(request.uri().path())
    }

    fn is_stream<B>(request: &Request<B>) -> bool {
        let path = request.uri().path();
        path.ends_with("/Subscribe") || path.ends_with("/ModelStreamInfer")
    }

    fn what<B>(request: &Request<B>) -> String {
        table::method(request.uri().path()).unwrap_or("/_OTHER").to_owned()
    }

    fn refuse<B>(_: &Request<B>, refusal: Refusal) -> Response<Body> {
        convert::status(&refusal).into_http()
    }

    /// The code of an answer that failed at once; a stream that has begun is OK, whatever ends it.
    fn outcome(answer: &Response<Body>) -> String {
        let code = Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code());
        format!("{code:?}")
    }
}

impl Face for Grpc {
    type Body = Body;

    /// Browsers say where a page comes from in all that they send here but over HTTP/1.1, where what they leave out is looked at too.
    fn is_of_browser<B>(request: &Request<B>) -> bool {
        request.version() < Version::HTTP_2 || request.headers().contains_key(ORIGIN)
    }

    fn refuse<B>(_: &Request<B>, refusal: Refusal) -> Response<Body> {
        let mut answer = convert::status(&refusal).into_http();
        *answer.status_mut() =
            StatusCode::from_u16(refusal.reason.entry().status).unwrap_or(StatusCode::FORBIDDEN);
        answer
    }
}
