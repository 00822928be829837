//! What holds for every route of HTTP: bounds of the head, kinds of bodies and answers, caching, counting, and that what the
//! framework refuses reads like what we refuse.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::media::{accepts, is_json};
use super::problem::Problem;
use super::{inference, requests};
use crate::reason::{Reason, Refusal, shorten};
use crate::telemetry::metrics as names;

/// The longest path with its query, in bytes: 250 symbols by name fit into it.
const URI_BYTES_MAX: usize = 8 * 1024;

/// The longest headers together, in bytes.
const HEADERS_BYTES_MAX: usize = 32 * 1024;

/// Answers change with every bar and are about whoever asks.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Counts and times a request by its route, never by its path, refuses what no route takes, and turns the framework's own
/// refusals (a path that is no UTF-8, a query that cannot be read, a body that is too long) into problems.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let pattern = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        _ => "other",
    };
    let is_of_protocol = inference::has(request.uri().path());
    let mut response = match look(&request, route.as_ref().map(MatchedPath::as_str)) {
        Ok(()) => as_problem(next.run(request).await, is_of_protocol),
        Err(refusal) => refused(refusal, is_of_protocol),
    };
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    names::record_http(pattern, method, response.status().as_u16(), began.elapsed());
    response
}

/// What can be said of a request before its route is asked.
fn look(request: &Request, pattern: Option<&str>) -> Result<(), Refusal> {
    let length = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if length > URI_BYTES_MAX {
        let message = format!("the address has {length} bytes, {URI_BYTES_MAX} are the most");
        return Err(Refusal::new(Reason::UriTooLong, message).with("length", length));
    }
    let headers = request.headers();
    let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if length > HEADERS_BYTES_MAX {
        let message = format!("the headers have {length} bytes, {HEADERS_BYTES_MAX} are the most");
        return Err(Refusal::new(Reason::HeadersTooLarge, message).with("length", length));
    }
    // What has no route is told so whatever it brings.
    let Some(pattern) = pattern else { return Ok(()) };
    if request.method() == Method::POST {
        look_at_body(headers, pattern)?;
    }
    let offered = offered(pattern);
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST)
        || offered.is_empty()
        || offered.iter().any(|kind| accepts(headers.get_all(ACCEPT), kind))
    {
        return Ok(());
    }
    let message = format!("the answer is {}, which is not accepted", offered.join(" or "));
    Err(Refusal::new(Reason::NotAcceptable, message).with("header", "accept"))
}

fn look_at_body(headers: &HeaderMap, pattern: &str) -> Result<(), Refusal> {
    let bytes_max =
        if inference::has(pattern) { inference::INFER_BYTES_MAX } else { requests::BODY_BYTES_MAX };
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > bytes_max) {
        return Err(requests::too_long(bytes_max));
    }
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let Some(kind) = kinds.next() else { return Ok(()) };
    let text = kind.to_str().ok().filter(|_| kinds.next().is_none()).unwrap_or_default();
    // The protocol's clients pack elements behind the JSON, and say so by another header.
    let is_packed = inference::has(pattern) && text.eq_ignore_ascii_case("application/octet-stream");
    // What curl says of any body that it is not told the kind of. Pages of others, whose forms say it too, do not pass the fence.
    let is_curls = text.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if is_packed || is_curls || is_json(text) {
        return Ok(());
    }
    let kind = shorten(text);
    let message = format!("a body of the kind {kind:?} is not read");
    Err(Refusal::new(Reason::UnsupportedMediaType, message)
        .with("header", "content-type")
        .with("given", kind))
}

/// The kinds of answers of a route; none where whatever is accepted is fine.
fn offered(pattern: &str) -> &'static [&'static str] {
    match pattern.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(pattern) {
        "/stream" => &["text/event-stream"],
        "/docs" => &["text/html"],
        "/ws" => &[],
        pattern if inference::has(pattern) => &["application/json", "application/octet-stream"],
        _ => &["application/json", "application/problem+json"],
    }
}

fn as_problem(response: Response, is_of_protocol: bool) -> Response {
    let is_ours =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    // A refusal of ours says more than the framework's.
    if is_ours || !response.status().is_client_error() {
        return response;
    }
    let refusal = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => requests::too_long(requests::BODY_BYTES_MAX),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Refusal::new(
            Reason::UnsupportedMediaType,
            "a body that is packed so is not read, use gzip or zstd, or send it as it is",
        )
        .with("header", "content-encoding"),
        _ => Refusal::new(Reason::MalformedRequest, "the path, the query or the body cannot be read"),
    };
    let mut told = refused(refusal, is_of_protocol);
    for name in [ACCEPT_ENCODING, ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            told.headers_mut().insert(name, value.clone());
        }
    }
    told
}

/// A refusal as the route's callers read it.
pub(super) fn refused(refusal: Refusal, is_of_protocol: bool) -> Response {
    if is_of_protocol {
        inference::Refused(refusal).into_response()
    } else {
        Problem(refusal).into_response()
    }
}

/// What a path without a route is answered.
pub(super) async fn unknown_route(request: Request) -> Response {
    let path = shorten(request.uri().path());
    let refusal = Refusal::new(Reason::UnknownRoute, format!("route {path:?} is not known"));
    refused(refusal.with("path", path), inference::has(request.uri().path()))
}

/// What another method than a route's is answered; the framework adds which the route takes.
pub(super) async fn method_not_allowed(request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let (method, path) = (shorten(request.method().as_str()), shorten(request.uri().path()));
    let message = format!("route {path:?} does not take {method}");
    let refusal = Refusal::new(Reason::MethodNotAllowed, message).with("method", method);
    refused(refusal, inference::has(request.uri().path()))
}
