//! `klinecast.v1.ModelService`.

use forecast::Task;
use proto::v1;
use store::StageStep;
use tonic::{Request, Response, Status};

use crate::access::audit::Note;
use crate::convert;
use crate::model_info::ModelInfo;
use crate::reason::{Reason, Refusal};
use crate::service::{Promotion, Service};

#[derive(Debug)]
pub(super) struct Models(pub(super) Service);

#[tonic::async_trait]
impl v1::model_service_server::ModelService for Models {
    async fn list_tasks(
        &self,
        _: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        let champion = self.0.shared().champion.load();
        let info = |task: Task| v1::TaskInfo {
            name: task.name().to_owned(),
            kind: convert::task_kind(task.kind()).into(),
            horizon_steps: task.horizon_steps(),
            class_names: task.class_names().iter().map(|&name| name.to_owned()).collect(),
            loaded: champion.bundle.as_ref().is_some_and(|bundle| bundle.manifest().task(task).is_some()),
            description: task.description().to_owned(),
        };
        let tasks = Task::ALL.map(info).to_vec();
        Ok(Response::new(v1::ListTasksResponse { tasks, interval: self.0.interval.to_string() }))
    }

    async fn list_models(
        &self,
        _: Request<v1::ListModelsRequest>,
    ) -> Result<Response<v1::ListModelsResponse>, Status> {
        let models = self.0.models().await.map_err(|refusal| convert::status(&refusal))?;
        let champion_digest = self.0.champion_digest().map(|digest| digest.to_string()).unwrap_or_default();
        Ok(Response::new(v1::ListModelsResponse {
            models: models.into_iter().map(model).collect(),
            champion_digest,
        }))
    }

    async fn reload_models(
        &self,
        _: Request<v1::ReloadModelsRequest>,
    ) -> Result<Response<v1::ReloadModelsResponse>, Status> {
        let reloaded = self.0.reload().await.map_err(|refusal| convert::status(&refusal))?;
        Ok(Response::new(v1::ReloadModelsResponse {
            changed: reloaded.previous != Some(reloaded.digest),
            previous_digest: reloaded.previous.map(|digest| digest.to_string()).unwrap_or_default(),
            digest: reloaded.digest.to_string(),
        }))
    }

    async fn promote_model(
        &self,
        request: Request<v1::PromoteModelRequest>,
    ) -> Result<Response<v1::PromoteModelResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let unknown = |what: &'static str, number: i32| {
            let message = format!("{what} {number} is not known");
            convert::status(&Refusal::new(Reason::MalformedRequest, message).with(what, number))
        };
        let stage = v1::Stage::try_from(request.stage).map_err(|_| unknown("stage", request.stage))?;
        let alias = v1::Alias::try_from(request.alias).map_err(|_| unknown("alias", request.alias))?;
        let promotion = Promotion {
            version: request.version,
            stage: convert::stage_from(stage),
            alias: convert::alias_from(alias),
        };
        Note::about(&extensions, promotion);
        let who = extensions.get::<Note>().and_then(Note::who);
        let promoted = self.0.promote(promotion, who).await.map_err(|refusal| convert::status(&refusal))?;
        Ok(Response::new(v1::PromoteModelResponse { model: Some(model(promoted)) }))
    }

    async fn roll_back_model(
        &self,
        request: Request<v1::RollBackModelRequest>,
    ) -> Result<Response<v1::RollBackModelResponse>, Status> {
        let who = request.extensions().get::<Note>().and_then(Note::who);
        let champion = self.0.roll_back(who).await.map_err(|refusal| convert::status(&refusal))?;
        Ok(Response::new(v1::RollBackModelResponse { model: Some(model(champion)) }))
    }
}

fn model(model: ModelInfo) -> v1::Model {
    v1::Model {
        version: model.version,
        digest: model.digest.to_string(),
        stage: convert::stage(model.stage).into(),
        aliases: model.aliases.into_iter().map(|alias| convert::alias(alias).into()).collect(),
        serving: model.serving,
        registered_at_ms: model.registered_at_ms,
        manifest_json: model.manifest.map(|manifest| manifest.to_string()).unwrap_or_default(),
        metrics_json: model.metrics.to_string(),
        steps: model.steps.into_iter().map(step).collect(),
    }
}

fn step(step: StageStep) -> v1::StageStep {
    v1::StageStep {
        stage: convert::stage(step.stage).into(),
        at_ms: step.at,
        champion: step.champion,
        cause: convert::stage_cause(step.cause).into(),
        by: step.by.unwrap_or_default(),
        how: step.how.unwrap_or_default(),
        replaced_versions: step.replaced.into_iter().map(u64::from).collect(),
        replaced_by_version: step.replaced_by.unwrap_or_default().into(),
    }
}
