//! What is told about models, as Triton's clients read it.

use serde_json::{Map, Value, json};

use crate::service::inference::{
    Counted, Datatype, IndexEntry, ModelCounts, ModelDescription, PLATFORM, ServedModel, TensorSpec,
};

/// The answer of `GET /v2/models/{model}`.
pub(super) fn metadata(told: ModelDescription) -> Value {
    let tensor = |spec: TensorSpec| json!({ "name": spec.name, "datatype": spec.datatype.name(), "shape": spec.shape });
    let properties: Map<String, Value> =
        told.properties.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "name": told.name,
        "versions": told.version.into_iter().collect::<Vec<_>>(),
        "platform": PLATFORM,
        "inputs": told.inputs.into_iter().map(tensor).collect::<Vec<_>>(),
        "outputs": told.outputs.into_iter().map(tensor).collect::<Vec<_>>(),
        "properties": properties,
    })
}

/// The answer of `GET /v2/models/{model}/config`.
pub(super) fn config(told: ModelDescription) -> Value {
    let data_type = |datatype: Datatype| match datatype {
        Datatype::Bytes => "TYPE_STRING",
        Datatype::Fp64 => "TYPE_FP64",
        Datatype::Int64 => "TYPE_INT64",
    };
    let tensor = |spec: TensorSpec| json!({ "name": spec.name, "data_type": data_type(spec.datatype), "dims": spec.shape });
    let input = |spec: TensorSpec| {
        let mut input = tensor(spec);
        // Either the symbols or the rows are given.
        input["optional"] = true.into();
        input
    };
    let parameters: Map<String, Value> = told
        .properties
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!({ "string_value": value })))
        .collect();
    json!({
        "name": told.name,
        "platform": PLATFORM,
        "backend": "klinecast",
        "version_policy": { "latest": { "num_versions": 1 } },
        "max_batch_size": 0,
        "input": told.inputs.into_iter().map(input).collect::<Vec<_>>(),
        "output": told.outputs.into_iter().map(tensor).collect::<Vec<_>>(),
        "parameters": parameters,
        "model_transaction_policy": { "decoupled": true },
    })
}

/// A model of the answer of `POST /v2/repository/index`.
pub(super) fn entry(entry: IndexEntry) -> Value {
    json!({
        "name": entry.name,
        "state": entry.state(),
        "version": entry.version,
        "reason": entry.problem.unwrap_or_default(),
    })
}

/// A model of the answer of `GET /v2/models/stats`.
pub(super) fn statistics(served: &ServedModel, counts: ModelCounts) -> Value {
    let duration = |counted: Counted| json!({ "count": counted.count, "ns": counted.nanoseconds });
    let [input, infer, output] = counts.parts.map(duration);
    let batches = counts.batches.into_iter().map(|batch| {
        let [input, infer, output] =
            batch.nanoseconds.map(|nanoseconds| duration(Counted { count: batch.count, nanoseconds }));
        json!({
            "batch_size": batch.rows,
            "compute_input": input,
            "compute_infer": infer,
            "compute_output": output,
        })
    });
    json!({
        "name": served.model.name(),
        "version": served.version().unwrap_or_default(),
        "last_inference": counts.last_ms,
        "inference_count": counts.rows,
        "execution_count": counts.success.count,
        "inference_stats": {
            "success": duration(counts.success),
            "fail": duration(counts.fail),
            "queue": { "count": counts.success.count, "ns": 0 },
            "compute_input": input,
            "compute_infer": infer,
            "compute_output": output,
            "cache_hit": duration(Counted::default()),
            "cache_miss": duration(Counted::default()),
        },
        "batch_stats": batches.collect::<Vec<_>>(),
    })
}
