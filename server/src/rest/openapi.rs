//! The OpenAPI 3.1 document of this face: what every route takes and answers, why it refuses, and whom it lets in. Put together
//! from the tables that the server itself goes by, so that a route or a reason cannot be missing.

mod operations;
mod parameters;

use std::collections::BTreeMap;

use kline::Interval;
use serde_json::{Map, Value, json};

use operations::{Answer, INFERENCE, OPERATIONS, Operation};

use super::inference;
use crate::access::table::{Need, route_need};
use crate::reason::{CATALOGUE, Reason};

/// The schemas of bodies and answers.
const SCHEMAS: &str = include_str!("openapi/schemas.json");

/// Why any route may refuse.
const OF_ALL: &[Reason] = &[
    Reason::MalformedRequest,
    Reason::OriginNotAllowed,
    Reason::HostNotAllowed,
    Reason::MethodNotAllowed,
    Reason::NotAcceptable,
    Reason::UriTooLong,
    Reason::HeadersTooLarge,
    Reason::Internal,
];

/// Why a route may refuse that asks who the caller is.
const OF_GUARDED: &[Reason] = &[
    Reason::Unauthenticated,
    Reason::PermissionDenied,
    Reason::RateLimited,
    Reason::QuotaExceeded,
    Reason::Overloaded,
];

/// Why a route may refuse that takes a body.
const OF_BODIES: &[Reason] = &[Reason::UnsupportedMediaType, Reason::RequestTooLarge];

/// The document of a server of an interval.
pub(super) fn document(interval: Interval) -> Value {
    let interval = interval.to_string();
    let mut paths = Map::new();
    for operation in OPERATIONS.iter().chain(&INFERENCE) {
        let path = paths.entry(operation.path).or_insert_with(|| {
            // The protocol's routes stand in one place only.
            if inference::has(operation.path) { json!({ "servers": [{ "url": "/" }] }) } else { json!({}) }
        });
        path[operation.method.to_ascii_lowercase()] = describe(operation, &interval);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "klinecast",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Forecasts from live klines. Refusals are problem documents (RFC 9457) whose reason is one of the catalogue; below /v2, the Open Inference Protocol's own errors.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }, { "url": "/v1" }],
        "tags": [{ "name": "klinecast" }, { "name": "Open Inference Protocol" }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "An API key or a signed token." },
                "apiKey": { "type": "apiKey", "in": "header", "name": "x-api-key" },
            },
        },
    })
}

fn schemas() -> Value {
    // A test reads it; what could not be read would leave the document without schemas, not the server without answers.
    let mut schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    let remedies: Map<String, Value> =
        CATALOGUE.iter().map(|entry| (entry.name.to_owned(), entry.remedy.into())).collect();
    schemas["Reason"] = json!({
        "type": "string",
        "enum": CATALOGUE.map(|entry| entry.name).to_vec(),
        "x-remedies": remedies,
    });
    schemas
}

fn describe(operation: &Operation, interval: &str) -> Value {
    let need = route_need(operation.method, Some(operation.path));
    let tag = if inference::has(operation.path) { "Open Inference Protocol" } else { "klinecast" };
    let mut object = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag],
        "parameters": parameters(operation, interval),
        "responses": responses(operation, need),
    });
    object["security"] = match need.role() {
        Some(role) => {
            object["x-role"] = role.name().into();
            // Where nothing is configured, whoever asks is let in.
            json!([{ "bearer": [] }, { "apiKey": [] }, {}])
        }
        None => json!([]),
    };
    if let Some(body) = operation.body {
        let required = ["PromoteRequest", "InferRequest"].contains(&body);
        object["requestBody"] = json!({
            "required": required,
            "content": { "application/json": { "schema": reference(body) } },
        });
    }
    object
}

fn parameters(operation: &Operation, interval: &str) -> Vec<Value> {
    let names = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let of_path = names.filter_map(parameters::find).map(|found| found.to_json("path", interval));
    let of_query = operation.query.iter().filter_map(|key| parameters::find(key));
    of_path.chain(of_query.map(|found| found.to_json("query", interval))).collect()
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn content(kind: &str, schema: Value) -> Value {
    json!({ kind: { "schema": schema } })
}

/// Every status that a route may answer.
fn responses(operation: &Operation, need: Need) -> Value {
    let mut responses = Map::new();
    let mut put = |status: &str, description: &str, content: Option<Value>| {
        let mut response = json!({ "description": description });
        if let Some(content) = content {
            response["content"] = content;
        }
        responses.insert(status.to_owned(), response);
    };
    let mut unready = None;
    match operation.answer {
        Answer::Json(schema) => {
            put("200", "The answer", Some(content("application/json", reference(schema))));
        }
        Answer::Probe(schema) => {
            put("200", "It holds", Some(content("application/json", reference(schema))));
            unready = Some(reference(schema));
        }
        Answer::Empty => put("200", "It is done", None),
        Answer::Events => {
            put("200", "The events", Some(content("text/event-stream", json!({ "type": "string" }))));
        }
        Answer::Websocket => put("101", "The protocol changes", None),
        Answer::Html => put("200", "The page", Some(content("text/html", json!({ "type": "string" })))),
        Answer::Never => {}
    }
    for (status, names) in reasons(operation, need) {
        let schema = match (unready.take_if(|_| status == 503), inference::has(operation.path)) {
            (Some(schema), _) => schema,
            (None, true) => reference("ProtocolError"),
            (None, false) => reference("Problem"),
        };
        put(&status.to_string(), &names.join(", "), Some(refusal(schema)));
    }
    if let Some(schema) = unready {
        put("503", "It does not hold", Some(content("application/json", schema)));
    }
    Value::Object(responses)
}

fn refusal(schema: Value) -> Value {
    let is_problem = schema == reference("Problem");
    content(if is_problem { "application/problem+json" } else { "application/json" }, schema)
}

/// The reasons of a route by the status that they are told with.
fn reasons(operation: &Operation, need: Need) -> BTreeMap<u16, Vec<&'static str>> {
    let guarded = if need.role().is_some() { OF_GUARDED } else { &[] };
    let bodies = if operation.method == "POST" { OF_BODIES } else { &[] };
    let mut by_status: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for reason in OF_ALL.iter().chain(guarded).chain(bodies).chain(operation.reasons) {
        let entry = reason.entry();
        let names = by_status.entry(entry.status).or_default();
        if !names.contains(&entry.name) {
            names.push(entry.name);
        }
    }
    by_status
}

#[cfg(test)]
#[path = "openapi/openapi_tests.rs"]
mod tests;
