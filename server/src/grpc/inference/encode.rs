//! Answers to the wire.

use proto::inference as wire;
use proto::inference::infer_parameter::ParameterChoice;
use proto::inference::model_infer_response::InferOutputTensor;
use proto::inference::model_metadata_response::TensorMetadata;
use proto::inference::model_version_policy::{Latest, PolicyChoice};
use proto::inference::repository_index_response::ModelIndex;

use crate::service::inference::{
    Counted, Datatype, Elements, IndexEntry, InferAnswer, ModelCounts, ModelDescription, PLATFORM,
    ServedModel, Tensor, TensorSpec,
};

/// A parameter of an answer.
pub(super) const fn parameter(choice: ParameterChoice) -> wire::InferParameter {
    wire::InferParameter { parameter_choice: Some(choice) }
}

/// An answer, packed if the request was.
pub(super) fn answer(answer: InferAnswer, id: String, is_raw: bool) -> wire::ModelInferResponse {
    let mut raw_output_contents = Vec::new();
    let output = |Tensor { name, shape, elements }: Tensor| {
        let datatype = elements.datatype().name().to_owned();
        let contents = if is_raw {
            raw_output_contents.push(elements.to_raw());
            None
        } else {
            Some(contents(elements))
        };
        let shape = shape.into_iter().map(|count| i64::try_from(count).unwrap_or(i64::MAX)).collect();
        InferOutputTensor { name: name.into_owned(), datatype, shape, contents, ..Default::default() }
    };
    let outputs = answer.outputs.into_iter().map(output).collect();
    wire::ModelInferResponse {
        model_name: answer.model.name().to_owned(),
        model_version: answer.version,
        id,
        parameters: [("bundle".to_owned(), parameter(ParameterChoice::StringParam(answer.bundle)))].into(),
        outputs,
        raw_output_contents,
    }
}

fn contents(elements: Elements) -> wire::InferTensorContents {
    let mut contents = wire::InferTensorContents::default();
    match elements {
        Elements::Texts(texts) => {
            contents.bytes_contents = texts.into_iter().map(String::into_bytes).collect();
        }
        Elements::Numbers(numbers) => contents.fp64_contents = numbers,
        Elements::Integers(numbers) => contents.int64_contents = numbers,
    }
    contents
}

/// What a model reads and answers.
pub(super) fn metadata(told: ModelDescription) -> wire::ModelMetadataResponse {
    let tensor = |spec: TensorSpec| TensorMetadata {
        name: spec.name.into_owned(),
        datatype: spec.datatype.name().to_owned(),
        shape: spec.shape,
    };
    wire::ModelMetadataResponse {
        name: told.name.to_owned(),
        versions: told.version.into_iter().collect(),
        platform: PLATFORM.to_owned(),
        inputs: told.inputs.into_iter().map(tensor).collect(),
        outputs: told.outputs.into_iter().map(tensor).collect(),
        properties: told.properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// A model as Triton would configure it.
pub(super) fn config(told: ModelDescription) -> wire::ModelConfig {
    let data_type = |datatype: Datatype| match datatype {
        Datatype::Bytes => wire::DataType::TypeString.into(),
        Datatype::Fp64 => wire::DataType::TypeFp64.into(),
        Datatype::Int64 => wire::DataType::TypeInt64.into(),
    };
    let input = |spec: TensorSpec| wire::ModelInput {
        name: spec.name.into_owned(),
        data_type: data_type(spec.datatype),
        dims: spec.shape,
        // Either the symbols or the rows are given.
        optional: true,
    };
    let output = |spec: TensorSpec| wire::ModelOutput {
        name: spec.name.into_owned(),
        data_type: data_type(spec.datatype),
        dims: spec.shape,
    };
    let fact =
        |(name, string_value): (&str, String)| (name.to_owned(), wire::ModelParameter { string_value });
    let latest = PolicyChoice::Latest(Latest { num_versions: 1 });
    wire::ModelConfig {
        name: told.name.to_owned(),
        platform: PLATFORM.to_owned(),
        backend: "klinecast".to_owned(),
        version_policy: Some(wire::ModelVersionPolicy { policy_choice: Some(latest) }),
        max_batch_size: 0,
        input: told.inputs.into_iter().map(input).collect(),
        output: told.outputs.into_iter().map(output).collect(),
        parameters: told.properties.into_iter().map(fact).collect(),
        model_transaction_policy: Some(wire::ModelTransactionPolicy { decoupled: true }),
    }
}

/// A model of the index.
pub(super) fn entry(entry: IndexEntry) -> ModelIndex {
    ModelIndex {
        name: entry.name.to_owned(),
        state: entry.state().to_owned(),
        version: entry.version,
        reason: entry.problem.unwrap_or_default(),
    }
}

/// A model's counts and times.
pub(super) fn statistics(served: &ServedModel, counts: ModelCounts) -> wire::ModelStatistics {
    let duration =
        |counted: Counted| Some(wire::StatisticDuration { count: counted.count, ns: counted.nanoseconds });
    let none = Counted::default();
    let [input, infer, output] = counts.parts.map(duration);
    let batch = |batch: crate::service::inference::BatchCount| {
        let [input, infer, output] =
            batch.nanoseconds.map(|nanoseconds| duration(Counted { count: batch.count, nanoseconds }));
        wire::InferBatchStatistics {
            batch_size: batch.rows as u64,
            compute_input: input,
            compute_infer: infer,
            compute_output: output,
        }
    };
    wire::ModelStatistics {
        name: served.model.name().to_owned(),
        version: served.version().unwrap_or_default(),
        last_inference: counts.last_ms,
        inference_count: counts.rows,
        execution_count: counts.success.count,
        inference_stats: Some(wire::InferStatistics {
            success: duration(counts.success),
            fail: duration(counts.fail),
            queue: duration(Counted { count: counts.success.count, nanoseconds: 0 }),
            compute_input: input,
            compute_infer: infer,
            compute_output: output,
            cache_hit: duration(none),
            cache_miss: duration(none),
        }),
        batch_stats: counts.batches.into_iter().map(batch).collect(),
    }
}
