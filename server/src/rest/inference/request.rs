//! Bodies from the wire: JSON, or JSON and then packed elements, whose border the header
//! `Inference-Header-Content-Length` says (the extension `binary_tensor_data`).

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::object::{Object, object};
use super::data;
use crate::reason::{Reason, Refusal};
use crate::service::inference::{Datatype, Given, Head, InferModel, Inputs, Wanted, shared_memory};

/// The header that says where the JSON ends.
pub(super) const HEADER_LENGTH: &str = "inference-header-content-length";

/// A request for inference.
#[derive(Debug, PartialEq)]
pub(super) struct InferRequest {
    /// Comes back with the answer.
    pub(super) id: String,
    pub(super) inputs: Inputs,
    pub(super) wanted: Vec<Wanted>,
    pub(super) binary: Binary,
}

/// Which outputs are to be packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binary {
    /// Where the output does not say.
    default: bool,
    /// Of the outputs wanted, in their order.
    outputs: Vec<Option<bool>>,
}

impl Binary {
    /// Whether the output at a place is to be packed.
    pub(super) fn at(&self, place: usize) -> bool {
        self.outputs.get(place).copied().flatten().unwrap_or(self.default)
    }
}

/// The body of `POST /v2/repository/index`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Index {
    /// Only those that can be asked.
    pub(super) ready: bool,
}

/// The body of `POST /v2/repository/models/{model}/load`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Load {
    /// A configuration or files of the caller.
    pub(super) parameters: Option<serde_json::Map<String, serde_json::Value>>,
}

/// The parameters that are read, of a request, an input or an output; others are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    binary_data_output: Option<bool>,
    binary_data_size: Option<u64>,
    binary_data: Option<bool>,
    classification: Option<u64>,
    shared_memory_region: Option<serde::de::IgnoredAny>,
    subscribe: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Document<'a> {
    #[serde(default)]
    id: String,
    #[serde(default, deserialize_with = "object")]
    parameters: Parameters,
    #[serde(borrow)]
    inputs: Vec<Object<Input<'a>>>,
    #[serde(default)]
    outputs: Vec<Object<Output>>,
}

#[derive(Debug, Deserialize)]
struct Input<'a> {
    name: String,
    datatype: String,
    shape: Vec<i64>,
    #[serde(default, deserialize_with = "object")]
    parameters: Parameters,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Output {
    name: String,
    #[serde(default, deserialize_with = "object")]
    parameters: Parameters,
}

fn malformed(name: &'static str, message: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::MalformedRequest, message).with("name", name)
}

/// Reads a request about a model.
pub(super) fn read(model: InferModel, headers: &HeaderMap, body: &[u8]) -> Result<InferRequest, Refusal> {
    let (json, mut packed) = divide(headers, body)?;
    let Object(document): Object<Document<'_>> = serde_json::from_slice(json)
        .map_err(|error| malformed("body", format!("the body cannot be read: {error}")))?;
    if document.parameters.subscribe == Some(true) {
        return Err(malformed("subscribe", "a subscription has many answers: use gRPC's ModelStreamInfer"));
    }
    if document.inputs.len() > Inputs::COUNT_MAX {
        let message =
            format!("{} inputs are given, {} are the most", document.inputs.len(), Inputs::COUNT_MAX);
        return Err(malformed("inputs", message));
    }
    let mut given = Vec::new();
    for Object(input) in document.inputs {
        given.push(self::input(model, input, &mut packed)?);
    }
    if !packed.is_empty() {
        let message = format!("{} packed bytes belong to no input", packed.len());
        return Err(malformed("body", message));
    }
    let default = document.parameters.binary_data_output.unwrap_or_default();
    let mut binary = Binary { default, outputs: Vec::new() };
    let mut wanted = Vec::new();
    for Object(Output { name, parameters }) in document.outputs {
        if parameters.shared_memory_region.is_some() {
            return Err(shared_memory(&name));
        }
        binary.outputs.push(parameters.binary_data);
        wanted.push(Wanted { name, classification: parameters.classification });
    }
    Ok(InferRequest { id: document.id, inputs: Inputs::of(given)?, wanted, binary })
}

/// The JSON, and what is packed after it.
fn divide<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), Refusal> {
    let Some(told) = headers.get(HEADER_LENGTH) else { return Ok((body, &[])) };
    let wrong =
        |why: String| malformed(HEADER_LENGTH, format!("header Inference-Header-Content-Length {why}"));
    let length: usize = told
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| wrong(format!("is {told:?}, it takes a whole number from 0")))?;
    body.split_at_checked(length)
        .ok_or_else(|| wrong(format!("says {length} bytes of JSON, the body has {} in all", body.len())))
}

/// One input, whose elements stand in the JSON or at the front of what is packed.
fn input(model: InferModel, input: Input<'_>, packed: &mut &[u8]) -> Result<Given, Refusal> {
    let Input { name, datatype, shape, parameters, data } = input;
    if parameters.shared_memory_region.is_some() {
        return Err(shared_memory(&name));
    }
    let head = Head::check(model, &name, &datatype, &shape)?;
    match (data, parameters.binary_data_size) {
        (Some(_), Some(_)) => {
            Err(malformed("data", format!("input {name} has both data and binary_data_size; give one")))
        }
        (None, None) => Err(malformed("data", format!("input {name} has neither data nor binary_data_size"))),
        (None, Some(size)) => {
            let (mine, rest) = usize::try_from(size)
                .ok()
                .and_then(|size| packed.split_at_checked(size))
                .ok_or_else(|| {
                    let left = packed.len();
                    let message =
                        format!("input {name} has binary_data_size {size}, {left} packed bytes are left");
                    malformed("binary_data_size", message)
                })?;
            *packed = rest;
            head.raw(mine)
        }
        (Some(data), None) => {
            let unread =
                |error| malformed("data", format!("the data of input {name} cannot be read: {error}"));
            match head.datatype() {
                Datatype::Bytes => head.texts(&data::texts(data, head.count()).map_err(unread)?),
                _ => head.numbers(data::numbers(data, head.count()).map_err(unread)?),
            }
        }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
