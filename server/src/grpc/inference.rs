//! `inference.GRPCInferenceService`: the Open Inference Protocol.

mod admission;
mod decode;
mod encode;
mod repository;
mod stream;

use std::pin::Pin;

use futures::Stream;
use proto::inference as wire;
use proto::inference::grpc_inference_service_server::{GrpcInferenceService, GrpcInferenceServiceServer};
use proto::model_repository::model_repository_service_server::ModelRepositoryServiceServer;
use tonic::{Request, Response, Status};

use crate::convert;
use crate::reason::{Reason, Refusal};
use crate::service::Service;
use crate::service::inference::{EXTENSIONS, InferModel, Part};
use crate::state::ServingState;

pub(super) use admission::Admitted;

/// The longest request in bytes: as many feature rows as are allowed, packed, and room to name them.
const INFER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The service, with a bound on how many requests are read at once.
pub(super) fn service(service: Service) -> Admitted<GrpcInferenceServiceServer<Inference>> {
    let inner = GrpcInferenceServiceServer::new(Inference(service.clone()));
    Admitted::new(service, super::packed!(inner, INFER_BYTES_MAX))
}

/// The repository as MLServer's clients ask for it.
pub(super) fn repository(service: Service) -> ModelRepositoryServiceServer<repository::Repository> {
    super::packed!(
        ModelRepositoryServiceServer::new(repository::Repository(service)),
        super::REQUEST_BYTES_MAX
    )
}

#[derive(Debug)]
pub(super) struct Inference(Service);

/// Answers one request, and measures its parts.
async fn infer(
    service: &Service,
    mut request: wire::ModelInferRequest,
) -> Result<wire::ModelInferResponse, Refusal> {
    let served = service.infer_model(&request.model_name, &request.model_version)?;
    let mut measured = service.infer_statistics().begin(served.model);
    if decode::subscribes(&request)? {
        let message = "a subscription has many answers: send it with ModelStreamInfer";
        return Err(Refusal::new(Reason::MalformedRequest, message).with("parameter", decode::SUBSCRIBE));
    }
    let is_raw = !request.raw_input_contents.is_empty();
    let wanted = decode::wanted(std::mem::take(&mut request.outputs))?;
    let inputs = decode::inputs(served.model, &mut request)?;
    measured.ended(Part::Input);
    let rows = inputs.rows();
    let answer = service.infer(&served, inputs, &wanted).await?;
    measured.ended(Part::Infer);
    let response = encode::answer(answer, request.id, is_raw);
    measured.ended(Part::Output);
    measured.answered(rows);
    Ok(response)
}

fn unsupported<T>(what: &str) -> Result<Response<T>, Status> {
    let refusal = Refusal::new(Reason::Unsupported, format!("{what} is not offered")).with("method", what);
    Err(convert::status(&refusal))
}

fn refused(refusal: Refusal) -> Status {
    convert::status(&refusal)
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl GrpcInferenceService for Inference {
    async fn server_live(&self, _: Request<wire::ServerLiveRequest>) -> Answer<wire::ServerLiveResponse> {
        Ok(Response::new(wire::ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<wire::ServerReadyRequest>) -> Answer<wire::ServerReadyResponse> {
        let ready = *self.0.shared().serving().borrow() == ServingState::Serving;
        Ok(Response::new(wire::ServerReadyResponse { ready }))
    }

    async fn model_ready(
        &self,
        request: Request<wire::ModelReadyRequest>,
    ) -> Answer<wire::ModelReadyResponse> {
        let wire::ModelReadyRequest { name, version } = request.get_ref();
        let served = self.0.infer_model(name, version).map_err(refused)?;
        Ok(Response::new(wire::ModelReadyResponse { ready: self.0.infer_problem(&served).is_none() }))
    }

    async fn server_metadata(
        &self,
        _: Request<wire::ServerMetadataRequest>,
    ) -> Answer<wire::ServerMetadataResponse> {
        Ok(Response::new(wire::ServerMetadataResponse {
            name: "klinecast".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<wire::ModelMetadataRequest>,
    ) -> Answer<wire::ModelMetadataResponse> {
        let wire::ModelMetadataRequest { name, version } = request.get_ref();
        let served = self.0.infer_model(name, version).map_err(refused)?;
        Ok(Response::new(encode::metadata(self.0.infer_description(&served))))
    }

    async fn model_infer(
        &self,
        request: Request<wire::ModelInferRequest>,
    ) -> Answer<wire::ModelInferResponse> {
        // The place that it holds goes with the extensions, when it is answered.
        let (_, _place, request) = request.into_parts();
        infer(&self.0, request).await.map(Response::new).map_err(refused)
    }

    type ModelStreamInferStream =
        Pin<Box<dyn Stream<Item = Result<wire::ModelStreamInferResponse, Status>> + Send>>;

    async fn model_stream_infer(
        &self,
        request: Request<tonic::Streaming<wire::ModelInferRequest>>,
    ) -> Answer<Self::ModelStreamInferStream> {
        let (_, place, requests) = request.into_parts();
        Ok(Response::new(Box::pin(stream::answers(self.0.clone(), requests, place))))
    }

    async fn model_config(
        &self,
        request: Request<wire::ModelConfigRequest>,
    ) -> Answer<wire::ModelConfigResponse> {
        let wire::ModelConfigRequest { name, version } = request.get_ref();
        let served = self.0.infer_model(name, version).map_err(refused)?;
        let config = Some(encode::config(self.0.infer_description(&served)));
        Ok(Response::new(wire::ModelConfigResponse { config }))
    }

    async fn model_statistics(
        &self,
        request: Request<wire::ModelStatisticsRequest>,
    ) -> Answer<wire::ModelStatisticsResponse> {
        let wire::ModelStatisticsRequest { name, version } = request.get_ref();
        let names: Vec<&str> = match name.as_str() {
            "" => InferModel::every().map(InferModel::name).collect(),
            name => vec![name],
        };
        let counts = |name: &str| {
            let served = self.0.infer_model(name, version)?;
            Ok(encode::statistics(&served, self.0.infer_statistics().of(served.model)))
        };
        let model_stats = names.into_iter().map(counts).collect::<Result<_, _>>().map_err(refused)?;
        Ok(Response::new(wire::ModelStatisticsResponse { model_stats }))
    }

    async fn repository_index(
        &self,
        request: Request<wire::RepositoryIndexRequest>,
    ) -> Answer<wire::RepositoryIndexResponse> {
        let wire::RepositoryIndexRequest { repository_name, ready } = request.get_ref();
        let entries = self.0.infer_index(repository_name, *ready).map_err(refused)?;
        Ok(Response::new(wire::RepositoryIndexResponse {
            models: entries.into_iter().map(encode::entry).collect(),
        }))
    }

    async fn repository_model_load(
        &self,
        request: Request<wire::RepositoryModelLoadRequest>,
    ) -> Answer<wire::RepositoryModelLoadResponse> {
        let wire::RepositoryModelLoadRequest { repository_name, model_name, parameters } = request.get_ref();
        let loaded = self.0.infer_load(repository_name, model_name, !parameters.is_empty()).await;
        loaded.map(|_| Response::new(wire::RepositoryModelLoadResponse {})).map_err(refused)
    }

    async fn repository_model_unload(
        &self,
        request: Request<wire::RepositoryModelUnloadRequest>,
    ) -> Answer<wire::RepositoryModelUnloadResponse> {
        let wire::RepositoryModelUnloadRequest { repository_name, model_name, .. } = request.get_ref();
        Err(refused(self.0.infer_unload(repository_name, model_name)))
    }

    async fn system_shared_memory_status(
        &self,
        _: Request<wire::SystemSharedMemoryStatusRequest>,
    ) -> Answer<wire::SystemSharedMemoryStatusResponse> {
        unsupported("SystemSharedMemoryStatus")
    }

    async fn system_shared_memory_register(
        &self,
        _: Request<wire::SystemSharedMemoryRegisterRequest>,
    ) -> Answer<wire::SystemSharedMemoryRegisterResponse> {
        unsupported("SystemSharedMemoryRegister")
    }

    async fn system_shared_memory_unregister(
        &self,
        _: Request<wire::SystemSharedMemoryUnregisterRequest>,
    ) -> Answer<wire::SystemSharedMemoryUnregisterResponse> {
        unsupported("SystemSharedMemoryUnregister")
    }

    async fn cuda_shared_memory_status(
        &self,
        _: Request<wire::CudaSharedMemoryStatusRequest>,
    ) -> Answer<wire::CudaSharedMemoryStatusResponse> {
        unsupported("CudaSharedMemoryStatus")
    }

    async fn cuda_shared_memory_register(
        &self,
        _: Request<wire::CudaSharedMemoryRegisterRequest>,
    ) -> Answer<wire::CudaSharedMemoryRegisterResponse> {
        unsupported("CudaSharedMemoryRegister")
    }

    async fn cuda_shared_memory_unregister(
        &self,
        _: Request<wire::CudaSharedMemoryUnregisterRequest>,
    ) -> Answer<wire::CudaSharedMemoryUnregisterResponse> {
        unsupported("CudaSharedMemoryUnregister")
    }

    async fn trace_setting(
        &self,
        _: Request<wire::TraceSettingRequest>,
    ) -> Answer<wire::TraceSettingResponse> {
        unsupported("TraceSetting")
    }

    async fn log_settings(&self, _: Request<wire::LogSettingsRequest>) -> Answer<wire::LogSettingsResponse> {
        unsupported("LogSettings")
    }
}
