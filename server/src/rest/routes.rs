//! The routes: those of the earlier Python service, and the same under `/v1`.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde_json::{Value, json};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::decompression::RequestDecompressionLayer;

use super::docs::Description;
use super::door::Rest;
use super::history::{self as history_shapes, AsOfQuery, HistoryQuery};
use super::journal_json as journal_shapes;
use super::json as shapes;
use super::manners::{method_not_allowed, observe, unknown_route};
use super::problem::{Problem, document};
use super::requests::{self, BODY_BYTES_MAX, GapsQuery, SymbolQuery};
use super::scorecard::{ScorecardQuery, scorecard as scorecard_shape};
use super::streams;
use super::{docs, inference};
use crate::access::AccessLayer;
use crate::access::audit::Note;
use crate::guards::Guards;
use crate::overload::ShedLayer;
use crate::reason::{Reason, Refusal, shorten};
use crate::service::{Promotion, Service, VerificationStep, read_id};
use crate::state::ServingState;
use crate::telemetry::request_layer::RequestLayer;
use crate::web::{Fence, FenceLayer};

/// The method and path of every route, each also under `/v1`.
pub const ROUTES: [(&str, &str); 24] = [
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/health/startup"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
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

/// From which length on answers are packed, in bytes.
const PACKED_BYTES_MIN: u16 = 1_024;

type Answer = Result<Json<Value>, Problem>;

/// Every route.
pub fn routes(service: Service, guards: Guards, fence: Fence) -> Router {
    let api = Router::new()
        .route("/health", get(health))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/health/startup", get(startup))
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
    let description = Router::new()
        .route("/openapi.json", get(docs::document))
        .route("/docs", get(docs::page))
        .with_state(Description::new(&service));
    let api = api.merge(description);
    Router::new()
        .merge(api.clone())
        .nest("/v1", api)
        .merge(inference::routes())
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        // Bounds what is unpacked: it counts the bytes that the route reads.
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(RequestDecompressionLayer::new())
        .layer(AccessLayer::<Rest>::new(guards.access))
        .layer(ShedLayer::<Rest>::new(guards.load))
        .layer(FenceLayer::<Rest>::new(fence))
        .layer(middleware::from_fn(observe))
        .layer(RequestLayer::http(guards.requests))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth_packing()))
        .with_state(service)
}

async fn health(State(service): State<Service>) -> (StatusCode, Json<Value>) {
    let status = service.status();
    let code = match status.state {
        ServingState::Serving => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(shapes::health(&service, &status)))
}

/// Other routes behind the fence of this face.
pub fn fenced(router: Router, fence: Fence) -> Router {
    router.layer(FenceLayer::<Rest>::new(fence))
}

/// Which answers are packed for who accepts it: long ones, and no streams, whose events would wait for one another.
fn worth_packing() -> impl Predicate {
    SizeAbove::new(PACKED_BYTES_MIN).and(NotForContentType::SSE)
}

/// Whether the server answers predictions.
async fn ready(State(service): State<Service>) -> (StatusCode, Json<Value>) {
    probe(*service.shared().serving().borrow() == ServingState::Serving)
}

/// Whether the server has taken in its history: before that, it is not to be restarted for being slow.
async fn startup(State(service): State<Service>) -> (StatusCode, Json<Value>) {
    probe(service.shared().warmed.is_cancelled())
}

fn probe(holds: bool) -> (StatusCode, Json<Value>) {
    let code = if holds { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(json!({ "status": if holds { "ready" } else { "not_ready" } })))
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
    let wants = request.freshness.unwrap_or_default().0.wants(request.nowcast, request.explain_top);
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
    let wants = request.freshness.unwrap_or_default().0.wants(request.nowcast, request.explain_top);
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

async fn replay(
    State(service): State<Service>,
    Path(id): Path<String>,
    note: Option<Extension<Note>>,
) -> Answer {
    let id = read_id(&id)?;
    say(note, &id);
    Ok(Json(journal_shapes::replay(&service.replay(id).await?)))
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
    let who = note.clone();
    say(note, promotion);
    let model = service.promote(promotion, known(who.as_ref())).await?;
    Ok(Json(shapes::model(&model)))
}

async fn roll_back(State(service): State<Service>, note: Option<Extension<Note>>) -> Answer {
    Ok(Json(shapes::model(&service.roll_back(known(note.as_ref())).await?)))
}

/// The name of who asks, where that is known.
fn known(note: Option<&Extension<Note>>) -> Option<&str> {
    note.and_then(|Extension(note)| note.who())
}

/// Says what is done, for the audit.
fn say(note: Option<Extension<Note>>, what: impl std::fmt::Display) {
    if let Some(Extension(note)) = note {
        note.say(what);
    }
}
