//! The Open Inference Protocol over HTTP: the routes below `/v2`. Refusals are `{"error": "..."}`, as the protocol wants them.

mod body;
mod data;
mod json;
mod request;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::requests::too_long;
use crate::reason::{Reason, Refusal};
use crate::service::Service;
use crate::service::inference::{EXTENSIONS, InferModel, Part};
use crate::state::ServingState;

/// The method and path of every route.
pub const ROUTES: [(&str, &str); 17] = [
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/stats"),
    ("GET", "/v2/models/{model}"),
    ("GET", "/v2/models/{model}/ready"),
    ("GET", "/v2/models/{model}/config"),
    ("GET", "/v2/models/{model}/stats"),
    ("POST", "/v2/models/{model}/infer"),
    ("GET", "/v2/models/{model}/versions/{version}"),
    ("GET", "/v2/models/{model}/versions/{version}/ready"),
    ("GET", "/v2/models/{model}/versions/{version}/config"),
    ("GET", "/v2/models/{model}/versions/{version}/stats"),
    ("POST", "/v2/models/{model}/versions/{version}/infer"),
    ("POST", "/v2/repository/index"),
    ("POST", "/v2/repository/models/{model}/load"),
    ("POST", "/v2/repository/models/{model}/unload"),
];

/// What the paths of these routes begin with.
const PREFIX: &str = "/v2";

/// The longest body in bytes: as many feature rows as are allowed, as JSON with every digit of every number.
pub(super) const INFER_BYTES_MAX: usize = 6 * 1024 * 1024;

/// Every route.
pub(super) fn routes() -> Router<Service> {
    let model = Router::new()
        .route("/", get(metadata))
        .route("/ready", get(model_ready))
        .route("/config", get(config))
        .route("/stats", get(model_statistics))
        .route("/infer", post(infer));
    Router::new()
        .route("/v2", get(server_metadata))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/stats", get(statistics))
        .nest("/v2/models/{model}", model.clone())
        .nest("/v2/models/{model}/versions/{version}", model)
        .route("/v2/repository/index", post(index))
        .route("/v2/repository/models/{model}/load", post(load))
        .route("/v2/repository/models/{model}/unload", post(unload))
}

/// Whether a path is one of the protocol's.
pub(super) fn has(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let entry = self.0.reason.entry();
        let error = format!("{}: {}; {}", entry.name, self.0.message, entry.remedy);
        super::problem::refusal(&self.0, json!({ "error": error }))
    }
}

type Answer = Result<Json<Value>, Refused>;

/// The model of a path, and its version if the path names one.
#[derive(Debug, serde::Deserialize)]
struct Named {
    model: String,
    #[serde(default)]
    version: String,
}

async fn server_metadata() -> Json<Value> {
    Json(json!({ "name": "klinecast", "version": env!("CARGO_PKG_VERSION"), "extensions": EXTENSIONS }))
}

async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

fn when(ready: bool, answer: Value) -> (StatusCode, Json<Value>) {
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(answer))
}

async fn ready(State(service): State<Service>) -> (StatusCode, Json<Value>) {
    let ready = *service.shared().serving().borrow() == ServingState::Serving;
    when(ready, json!({ "ready": ready }))
}

async fn model_ready(
    State(service): State<Service>,
    Path(named): Path<Named>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let served = service.infer_model(&named.model, &named.version)?;
    let problem = service.infer_problem(&served);
    let answer = json!({ "name": served.model.name(), "ready": problem.is_none(), "reason": problem });
    Ok(when(problem.is_none(), answer))
}

async fn metadata(State(service): State<Service>, Path(named): Path<Named>) -> Answer {
    let served = service.infer_model(&named.model, &named.version)?;
    Ok(Json(json::metadata(service.infer_description(&served))))
}

async fn config(State(service): State<Service>, Path(named): Path<Named>) -> Answer {
    let served = service.infer_model(&named.model, &named.version)?;
    Ok(Json(json::config(service.infer_description(&served))))
}

async fn statistics(State(service): State<Service>) -> Answer {
    let models: Vec<&str> = InferModel::every().map(InferModel::name).collect();
    counts(&service, &models, "")
}

async fn model_statistics(State(service): State<Service>, Path(named): Path<Named>) -> Answer {
    counts(&service, &[&named.model], &named.version)
}

fn counts(service: &Service, models: &[&str], version: &str) -> Answer {
    let counts = |model: &&str| {
        let served = service.infer_model(model, version)?;
        Ok(json::statistics(&served, service.infer_statistics().of(served.model)))
    };
    let models = models.iter().map(counts).collect::<Result<Vec<_>, Refusal>>()?;
    Ok(Json(json!({ "model_stats": models })))
}

async fn index(State(service): State<Service>, body: axum::body::Bytes) -> Answer {
    let request: request::Index = super::requests::read(&body)?;
    let entries = service.infer_index("", request.ready)?;
    Ok(Json(entries.into_iter().map(json::entry).collect()))
}

async fn load(
    State(service): State<Service>,
    Path(named): Path<Named>,
    body: axum::body::Bytes,
) -> Result<StatusCode, Refused> {
    let request: request::Load = super::requests::read(&body)?;
    let has_parameters = request.parameters.is_some_and(|parameters| !parameters.is_empty());
    service.infer_load("", &named.model, has_parameters).await?;
    Ok(StatusCode::OK)
}

async fn unload(State(service): State<Service>, Path(named): Path<Named>) -> Refused {
    Refused(service.infer_unload("", &named.model))
}

/// Answers a request, and measures its parts.
async fn infer(
    State(service): State<Service>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let served = service.infer_model(&named.model, &named.version)?;
    let mut measured = service.infer_statistics().begin(served.model);
    // Before the body takes memory; given back when the answer is written.
    let _place = service.infer_place()?;
    let body = read_body(body).await?;
    let request = request::read(served.model, &headers, &body)?;
    measured.ended(Part::Input);
    let rows = request.inputs.rows();
    let answer = service.infer(&served, request.inputs, &request.wanted).await?;
    measured.ended(Part::Infer);
    let response = body::response(answer, request.id, &request.binary);
    measured.ended(Part::Output);
    measured.answered(rows);
    Ok(response)
}

async fn read_body(body: Body) -> Result<axum::body::Bytes, Refusal> {
    to_bytes(body, INFER_BYTES_MAX).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(|source| source.to_string().contains("length limit")) {
            return too_long(INFER_BYTES_MAX);
        }
        Refusal::new(Reason::MalformedRequest, format!("the body did not come: {error}"))
    })
}
