//! Answers to the wire: JSON, and after it what is packed.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::json::number;
use super::request::{Binary, HEADER_LENGTH};
use crate::service::inference::{Elements, InferAnswer};

/// An answer, with those outputs packed that are to be.
pub(super) fn response(answer: InferAnswer, id: String, binary: &Binary) -> Response {
    let mut packed = Vec::new();
    let mut is_packed = false;
    let mut outputs = Vec::new();
    for (place, tensor) in answer.outputs.into_iter().enumerate() {
        let mut output = Map::new();
        output.insert("name".to_owned(), tensor.name.into());
        output.insert("datatype".to_owned(), tensor.elements.datatype().name().into());
        output.insert("shape".to_owned(), json!(tensor.shape));
        if binary.at(place) {
            let raw = tensor.elements.to_raw();
            output.insert("parameters".to_owned(), json!({ "binary_data_size": raw.len() }));
            packed.extend_from_slice(&raw);
            is_packed = true;
        } else {
            output.insert("data".to_owned(), data(tensor.elements));
        }
        outputs.push(Value::Object(output));
    }
    let mut document = json!({
        "model_name": answer.model.name(),
        "model_version": answer.version,
        "parameters": { "bundle": answer.bundle },
        "outputs": outputs,
    });
    if !id.is_empty() {
        document["id"] = id.into();
    }
    let mut body = document.to_string().into_bytes();
    let kind = if is_packed { "application/octet-stream" } else { "application/json" };
    let length = HeaderValue::from(body.len());
    body.append(&mut packed);
    let mut response = Body::from(body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if is_packed {
        response.headers_mut().insert(HeaderName::from_static(HEADER_LENGTH), length);
    }
    response
}

/// Elements as JSON; a missing number is `null`.
fn data(elements: Elements) -> Value {
    match elements {
        Elements::Texts(texts) => texts.into_iter().map(Value::from).collect(),
        Elements::Numbers(numbers) => numbers.into_iter().map(number).collect(),
        Elements::Integers(numbers) => numbers.into_iter().map(Value::from).collect(),
    }
}
