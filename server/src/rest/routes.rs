//! The routes: those of the earlier Python service, and the same under `/v1`.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, MatchedPath, Path, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde_json::{Value, json};

use super::door::Rest;
use super::history::{self as history_shapes, AsOfQuery, HistoryQuery};
use super::inference;
use super::journal_json as journal_shapes;
use super::json as shapes;
use super::problem::{Problem, document};
use super::requests::{self, BODY_BYTES_MAX, GapsQuery, SymbolQuery};
use super::scorecard::{ScorecardQuery, scorecard as scorecard_shape};
use super::streams;
use crate::access::AccessLayer;
use crate::access::audit::Note;
use crate::guards::Guards;
use crate::overload::ShedLayer;
use crate::reason::{Reason, Refusal, shorten};
use crate::service::{Promotion, Service, VerificationStep};
use crate::state::ServingState;
use crate::telemetry::metrics as names;
use crate::telemetry::request_layer::RequestLayer;

/// The method and path of every route, each also under `/v1`.
pub const ROUTES: [(&str, &str); 20] = [
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/tasks"),
    ("GET", "/models"),
    ("POST", "/predict/{symbol}"),
    ("POST", "/predict/batch"),
    ("GET", "/predict/{symbol}/task/{task}"),
    ("POST", "/models/reload"),
    ("POST", "/models/promote"),
    ("POST", "/models/rollback"),
    ("GET", "/features/{symbol}"),
    ("GET", "/predictions"),
    ("GET", "/predictions/{symbol}/at/{time}"),
    ("GET", "/stream"),
    ("GET", "/ws"),
    ("POST", "/symbols"),
    ("GET", "/gaps"),
    ("GET", "/scorecard"),
    ("GET", "/journal/verify"),
    ("GET", "/journal/{id}/replay"),
];

type Answer = Result<Json<Value>, Problem>;

/// Every route.
pub fn routes(service: Service, guards: Guards) -> Router {
    let api = Router::new()
        .route("/health", get(health))
        .route("/health/live", get(live))
        .route("/tasks", get(tasks))
        .route("/models", get(models))
        .route("/predict/{symbol}", post(predict))
        .route("/predict/batch", post(predict_batch))
        .route("/predict/{symbol}/task/{task}", get(predict_task))
        .route("/models/reload", post(reload))
        .route("/models/promote", post(promote))
        .route("/models/rollback", post(roll_back))
        .route("/features/{symbol}", get(features))
        .route("/predictions", get(history))
        .route("/predictions/{symbol}/at/{time}", get(predict_as_of))
        .route("/stream", get(streams::events))
        .route("/ws", get(streams::websocket))
        .route("/symbols", post(symbols))
        .route("/gaps", get(gaps))
        .route("/scorecard", get(scorecard))
        .route("/journal/verify", get(verify_journal))
        .route("/journal/{id}/replay", get(replay));
    Router::new()
        .merge(api.clone())
        .nest("/v1", api)
        .merge(inference::routes())
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(AccessLayer::<Rest>::new(guards.access))
        .layer(ShedLayer::<Rest>::new(guards.load))
        .layer(middleware::from_fn(observe))
        .layer(RequestLayer::http(guards.requests))
        .with_state(service)
}

/// Counts and times a request by its route, never by its path, and turns the framework's own refusals (a path that is no
/// UTF-8, a query that cannot be read, a body that is too long) into problems.
async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        _ => "other",
    };
    let is_of_protocol = inference::has(request.uri().path());
    let response = as_problem(next.run(request).await, is_of_protocol);
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    names::record_http(route, method, response.status().as_u16(), began.elapsed());
    response
}

fn as_problem(response: Response, is_of_protocol: bool) -> Response {
    let is_json =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    // A refusal of ours says more than the framework's.
    if is_json || !response.status().is_client_error() {
        return response;
    }
    let refusal = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Refusal::new(Reason::RequestTooLarge, format!("the body is longer than {BODY_BYTES_MAX} bytes"))
        }
        _ => Refusal::new(Reason::MalformedRequest, "the path or the query cannot be read"),
    };
    refused(refusal, is_of_protocol)
}

/// A refusal as the route's callers read it.
fn refused(refusal: Refusal, is_of_protocol: bool) -> Response {
    if is_of_protocol {
        inference::Refused(refusal).into_response()
    } else {
        Problem(refusal).into_response()
    }
}

async fn health(State(service): State<Service>) -> (StatusCode, Json<Value>) {
    let status = service.status();
    let code = match status.state {
        ServingState::Serving => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(shapes::health(&service, &status)))
}

async fn live() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

async fn tasks(State(service): State<Service>) -> Json<Value> {
    Json(shapes::tasks(&service))
}

async fn models(State(service): State<Service>) -> Answer {
    Ok(Json(shapes::models(&service.models().await?, &service)))
}

async fn predict(
    State(service): State<Service>,
    Path(symbol): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: requests::Predict = requests::read(&body)?;
    let wants = request.freshness.unwrap_or_default().wants(request.nowcast, request.explain_top);
    let (tasks, interval) = (request.tasks.unwrap_or_default(), request.interval.unwrap_or_default());
    let answered = if wants.is_plain() {
        service.predict(&symbol, &tasks, &interval)?
    } else {
        service.predict_fresh(&symbol, &tasks, &interval, wants, None).await?
    };
    let text = shapes::prediction_text(&answered, service.interval);
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

async fn predict_batch(State(service): State<Service>, body: Bytes) -> Answer {
    let request: requests::PredictBatch = requests::read(&body)?;
    let wants = request.freshness.unwrap_or_default().wants(request.nowcast, request.explain_top);
    let (symbols, tasks) = (request.symbols.unwrap_or_default(), request.tasks.unwrap_or_default());
    let interval = request.interval.unwrap_or_default();
    let answers = if wants.is_plain() {
        service.predict_batch(&symbols, &tasks, &interval)?
    } else {
        service.predict_batch_fresh(&symbols, &tasks, &interval, wants, None).await?
    };
    let (mut predictions, mut problems) = (Vec::new(), serde_json::Map::new());
    for (symbol, outcome) in answers {
        match outcome {
            Ok(answered) => predictions.push(shapes::prediction(&answered, service.interval)),
            Err(refusal) => {
                problems.insert(shorten(&symbol), document(&refusal));
            }
        }
    }
    Ok(Json(json!({ "predictions": predictions, "problems": problems })))
}

async fn predict_task(
    State(service): State<Service>,
    Path((symbol, task)): Path<(String, String)>,
    Query(query): Query<SymbolQuery>,
) -> Answer {
    let answered = service.predict(&symbol, &[task], &query.interval)?;
    Ok(Json(shapes::prediction(&answered, service.interval)))
}

async fn history(State(service): State<Service>, Query(query): Query<HistoryQuery>) -> Answer {
    Ok(Json(history_shapes::page(&service.history(&query.read()?).await?, service.interval)))
}

async fn predict_as_of(
    State(service): State<Service>,
    Path((symbol, time)): Path<(String, String)>,
    Query(query): Query<AsOfQuery>,
) -> Answer {
    let answered = service.predict_as_of(&query.read(symbol, &time)?).await?;
    Ok(Json(shapes::prediction(&answered, service.interval)))
}

async fn features(
    State(service): State<Service>,
    Path(symbol): Path<String>,
    Query(query): Query<SymbolQuery>,
) -> Answer {
    let wanted: Vec<&str> = query.names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let answer = service.features(&symbol, &wanted, &query.interval)?;
    Ok(Json(shapes::features(&answer, service.interval)))
}

async fn symbols(State(service): State<Service>, note: Option<Extension<Note>>, body: Bytes) -> Answer {
    let request: requests::Symbols = requests::read(&body)?;
    let (add, remove) = (request.add.unwrap_or_default(), request.remove.unwrap_or_default());
    say(note, format_args!("follow {add:?}, unfollow {remove:?}"));
    Ok(Json(json!({ "symbols": service.follow(&add, &remove).await? })))
}

async fn gaps(State(service): State<Service>, Query(query): Query<GapsQuery>) -> Answer {
    Ok(Json(shapes::gaps(&service.gaps(&query.symbol, query.unfilled)?)))
}

async fn scorecard(State(service): State<Service>, Query(query): Query<ScorecardQuery>) -> Answer {
    let card = service.scorecard(&query.read()?).await?;
    Ok(Json(scorecard_shape(&card, query.days)))
}

/// Answers when the whole journal was looked at; who hangs up ends the check.
async fn verify_journal(State(service): State<Service>) -> Answer {
    let mut steps = service.verify_journal()?;
    while let Some(step) = steps.recv().await {
        if let VerificationStep::Done(found) = step? {
            return Ok(Json(journal_shapes::verification(&found)));
        }
    }
    Err(Refusal::new(Reason::Internal, "the check of the journal ended without a word").into())
}

async fn replay(State(service): State<Service>, Path(id): Path<String>) -> Answer {
    Ok(Json(journal_shapes::replay(&service.replay(&id).await?)))
}

async fn reload(State(service): State<Service>) -> Answer {
    let reloaded = service.reload().await?;
    Ok(Json(json!({
        "changed": reloaded.previous != Some(reloaded.digest),
        "previous": reloaded.previous,
        "bundle": reloaded.digest,
    })))
}

async fn promote(State(service): State<Service>, note: Option<Extension<Note>>, body: Bytes) -> Answer {
    let request: requests::Promote = requests::read(&body)?;
    let refuse = |error: store::UnknownName| Refusal::new(Reason::MalformedRequest, error);
    let stage = request.stage.map(|name| name.parse()).transpose().map_err(refuse)?;
    let alias = request.alias.map(|name| name.parse()).transpose().map_err(refuse)?;
    let promotion = Promotion { version: request.version, stage, alias };
    say(note, promotion);
    let model = service.promote(promotion).await?;
    Ok(Json(shapes::model(&model)))
}

async fn roll_back(State(service): State<Service>) -> Answer {
    Ok(Json(shapes::model(&service.roll_back().await?)))
}

/// Says what is done, for the audit.
fn say(note: Option<Extension<Note>>, what: impl std::fmt::Display) {
    if let Some(Extension(note)) = note {
        note.say(what);
    }
}

async fn unknown_route(request: Request) -> Response {
    let path = shorten(request.uri().path());
    let refusal = Refusal::new(Reason::UnknownRoute, format!("route {path:?} is not known"));
    refused(refusal.with("path", path), inference::has(request.uri().path()))
}

async fn method_not_allowed(request: Request) -> Response {
    let (method, path) = (shorten(request.method().as_str()), shorten(request.uri().path()));
    let message = format!("route {path:?} does not take {method}");
    let refusal = Refusal::new(Reason::MethodNotAllowed, message).with("method", method);
    refused(refusal, inference::has(request.uri().path()))
}
