//! `inference.model_repository.ModelRepositoryService`.

use proto::model_repository as wire;
use proto::model_repository::model_repository_service_server::ModelRepositoryService;
use tonic::{Request, Response, Status};

use super::refused;
use crate::service::Service;

#[derive(Debug)]
pub(in crate::grpc) struct Repository(pub(super) Service);

#[tonic::async_trait]
impl ModelRepositoryService for Repository {
    async fn repository_index(
        &self,
        request: Request<wire::RepositoryIndexRequest>,
    ) -> Result<Response<wire::RepositoryIndexResponse>, Status> {
        let wire::RepositoryIndexRequest { repository_name, ready } = request.get_ref();
        let entries = self.0.infer_index(repository_name, *ready).map_err(refused)?;
        let entry = |entry: crate::service::inference::IndexEntry| {
            let wire = super::encode::entry(entry);
            wire::repository_index_response::ModelIndex {
                name: wire.name,
                version: wire.version,
                state: wire.state,
                reason: wire.reason,
            }
        };
        Ok(Response::new(wire::RepositoryIndexResponse { models: entries.into_iter().map(entry).collect() }))
    }

    async fn repository_model_load(
        &self,
        request: Request<wire::RepositoryModelLoadRequest>,
    ) -> Result<Response<wire::RepositoryModelLoadResponse>, Status> {
        let wire::RepositoryModelLoadRequest { repository_name, model_name } = request.get_ref();
        let loaded = self.0.infer_load(repository_name, model_name, false).await;
        loaded.map(|_| Response::new(wire::RepositoryModelLoadResponse {})).map_err(refused)
    }

    async fn repository_model_unload(
        &self,
        request: Request<wire::RepositoryModelUnloadRequest>,
    ) -> Result<Response<wire::RepositoryModelUnloadResponse>, Status> {
        let wire::RepositoryModelUnloadRequest { repository_name, model_name } = request.get_ref();
        Err(refused(self.0.infer_unload(repository_name, model_name)))
    }
}
