//! The Open Inference Protocol before any wire: a task is a model, and so is `all` of them; the version is the number of
//! the registry's champion.

mod answer;
mod description;
mod inputs;
mod model;
mod outputs;
mod raw;
mod repository;
mod rows;
mod statistics;
mod subscription;
mod tensor;
mod together;

pub use answer::{InferAnswer, Wanted};
pub use description::{ModelDescription, PLATFORM, TensorSpec};
pub use inputs::{Given, Head, Inputs, ROWS_MAX};
pub use model::{InferModel, ServedModel};
pub use repository::{IndexEntry, REPOSITORY};
pub use statistics::{BatchCount, Counted, InferStatistics, Measurement, ModelCounts, Part};
pub use subscription::InferSubscription;
pub use tensor::{Datatype, Elements, Tensor};
pub(super) use together::Together;

use super::Service;
use crate::reason::{Reason, Refusal};

/// How many requests for inference may be read and answered at once, over both faces. At the bound further ones are refused
/// before their bodies are read, so that they take no memory.
pub const REQUESTS_MAX: usize = 128;

/// How many streams of inference may be open at once. At the bound further ones are refused.
pub const STREAMS_MAX: usize = 256;

/// How many batches of feature rows may be scored at once; further ones wait, [`REQUESTS_MAX`] and [`STREAMS_MAX`] at most.
pub(super) const SCORINGS_MAX: usize = 2;

/// What is offered beyond the protocol, by the names that Triton gives them.
pub const EXTENSIONS: [&str; 6] = [
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
    "binary_tensor_data",
    "parameters",
];

/// A place among the requests or streams of inference; dropping it frees it.
pub type Place = tokio::sync::OwnedSemaphorePermit;

impl Service {
    /// A place for one request.
    ///
    /// # Errors
    /// [`Reason::Busy`] when [`REQUESTS_MAX`] are taken.
    pub fn infer_place(&self) -> Result<Place, Refusal> {
        let place = self.limits.inferences.clone().try_acquire_owned();
        place.map_err(|_| Refusal::new(Reason::Busy, format!("{REQUESTS_MAX} requests are being answered")))
    }

    /// A place for one stream.
    ///
    /// # Errors
    /// [`Reason::Busy`] when [`STREAMS_MAX`] are taken.
    pub fn infer_stream_place(&self) -> Result<Place, Refusal> {
        let place = self.limits.inference_streams.clone().try_acquire_owned();
        place.map_err(|_| Refusal::new(Reason::Busy, format!("{STREAMS_MAX} streams are open")))
    }

    /// The counts and times of every model.
    #[must_use]
    pub fn infer_statistics(&self) -> &InferStatistics {
        &self.statistics
    }
}

/// A refusal of something about one tensor or parameter.
pub(crate) fn malformed(name: &str, message: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::MalformedRequest, message).with("name", crate::reason::shorten(name))
}

/// Refuses memory that the caller shares: the name of the parameter that asks for it.
#[must_use]
pub fn shared_memory(tensor: &str) -> Refusal {
    let tensor = crate::reason::shorten(tensor);
    let message = format!("tensor {tensor:?} is to lie in shared memory; send its elements in the request");
    Refusal::new(Reason::Unsupported, message).with("tensor", tensor)
}
