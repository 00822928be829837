//! Requests from the wire. Each input's head is checked before its elements are looked at.

use proto::inference as wire;
use proto::inference::infer_parameter::ParameterChoice;
use proto::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};

use crate::reason::{Reason, Refusal};
use crate::service::inference::{Datatype, Head, InferModel, Inputs, Wanted, shared_memory};

/// The parameter with which a request in a stream goes on being answered.
pub(super) const SUBSCRIBE: &str = "subscribe";

/// The parameter with which Triton's clients ask for the most probable classes.
const CLASSIFICATION: &str = "classification";

/// The parameter with which they name memory that they share.
const SHARED_MEMORY: &str = "shared_memory_region";

fn malformed(name: &'static str, message: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::MalformedRequest, message).with("name", name)
}

/// Whether a request asks to go on being answered.
pub(super) fn subscribes(request: &wire::ModelInferRequest) -> Result<bool, Refusal> {
    match request.parameters.get(SUBSCRIBE).map(|parameter| &parameter.parameter_choice) {
        None => Ok(false),
        Some(Some(ParameterChoice::BoolParam(subscribes))) => Ok(*subscribes),
        Some(_) => Err(malformed(SUBSCRIBE, "parameter subscribe is true or false")),
    }
}

/// The outputs that a request names.
pub(super) fn wanted(outputs: Vec<InferRequestedOutputTensor>) -> Result<Vec<Wanted>, Refusal> {
    let wanted = |output: InferRequestedOutputTensor| {
        if output.parameters.contains_key(SHARED_MEMORY) {
            return Err(shared_memory(&output.name));
        }
        let classification = match output.parameters.get(CLASSIFICATION).map(|given| &given.parameter_choice)
        {
            None => None,
            Some(Some(ParameterChoice::Int64Param(count))) => Some(u64::try_from(*count).unwrap_or_default()),
            Some(Some(ParameterChoice::Uint64Param(count))) => Some(*count),
            Some(_) => return Err(malformed(CLASSIFICATION, "parameter classification is a whole number")),
        };
        Ok(Wanted { name: output.name, classification })
    };
    outputs.into_iter().map(wanted).collect()
}

/// The inputs of a request, with elements from where it has put them.
pub(super) fn inputs(model: InferModel, request: &mut wire::ModelInferRequest) -> Result<Inputs, Refusal> {
    let tensors = std::mem::take(&mut request.inputs);
    let raw = std::mem::take(&mut request.raw_input_contents);
    if !raw.is_empty() && raw.len() != tensors.len() {
        let message = format!(
            "raw_input_contents has {} entries for {} inputs; give one for each, or none",
            raw.len(),
            tensors.len()
        );
        return Err(malformed("raw_input_contents", message));
    }
    let mut given = Vec::new();
    for (index, tensor) in tensors.into_iter().enumerate() {
        let InferInputTensor { name, datatype, shape, parameters, contents } = tensor;
        if parameters.contains_key(SHARED_MEMORY) {
            return Err(shared_memory(&name));
        }
        let head = Head::check(model, &name, &datatype, &shape)?;
        given.push(match (raw.get(index), contents) {
            (Some(bytes), None) => head.raw(bytes)?,
            (Some(bytes), Some(contents)) if contents == wire::InferTensorContents::default() => {
                head.raw(bytes)?
            }
            (Some(_), Some(_)) => {
                let message = format!("input {name} has both contents and raw contents; give one");
                return Err(malformed("contents", message));
            }
            (None, contents) => typed(head, &name, contents.unwrap_or_default())?,
        });
        // A second one of a name is refused with all of them; more than there are names are not read.
        if given.len() > Inputs::COUNT_MAX {
            return Err(malformed("inputs", format!("more than {} inputs are given", Inputs::COUNT_MAX)));
        }
    }
    Inputs::of(given)
}

/// Elements from the list of their datatype; anything in another list is a mistake.
fn typed(
    head: Head,
    name: &str,
    mut contents: wire::InferTensorContents,
) -> Result<crate::service::inference::Given, Refusal> {
    let (texts, numbers) =
        (std::mem::take(&mut contents.bytes_contents), std::mem::take(&mut contents.fp64_contents));
    let is_misplaced = contents != wire::InferTensorContents::default()
        || match head.datatype() {
            Datatype::Bytes => !numbers.is_empty(),
            _ => !texts.is_empty(),
        };
    if is_misplaced {
        let list = match head.datatype() {
            Datatype::Bytes => "bytes_contents",
            _ => "fp64_contents",
        };
        return Err(malformed(
            "contents",
            format!("the contents of input {name} stand in another list than {list}"),
        ));
    }
    match head.datatype() {
        Datatype::Bytes => head.texts(&texts),
        _ => head.numbers(numbers),
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
