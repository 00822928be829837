//! `grpc.health.v1`: NOT_SERVING until every symbol is warm and a bundle is loaded, and again when the server stops.

use proto::inference::grpc_inference_service_server::SERVICE_NAME as INFERENCE;
use proto::model_repository::model_repository_service_server::SERVICE_NAME as REPOSITORY;
use proto::v1::journal_service_server::SERVICE_NAME as JOURNAL;
use proto::v1::market_service_server::SERVICE_NAME as MARKET;
use proto::v1::model_service_server::SERVICE_NAME as MODEL;
use proto::v1::prediction_service_server::SERVICE_NAME as PREDICTION;
use proto::v1::status_service_server::SERVICE_NAME as STATUS;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;

use crate::service::Service;
use crate::state::ServingState;

/// The health service, and the task that keeps it true.
pub(super) async fn service(
    service: &Service,
) -> (HealthServer<impl Health>, impl Future<Output = ()> + use<>) {
    let (reporter, server) = tonic_health::server::health_reporter();
    let mut serving = service.shared().serving();
    let state = *serving.borrow_and_update();
    report(&reporter, state).await;
    let task = async move {
        while serving.changed().await.is_ok() {
            let state = *serving.borrow_and_update();
            report(&reporter, state).await;
        }
    };
    (server, task)
}

/// Models, their repository, status, journal and market answer as long as the server runs; the whole, the predictions and
/// inference only when it serves.
async fn report(reporter: &HealthReporter, state: ServingState) {
    let when = |serving: bool| if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    for name in ["", PREDICTION, INFERENCE] {
        reporter.set_service_status(name, when(state == ServingState::Serving)).await;
    }
    for name in [MODEL, STATUS, JOURNAL, MARKET, REPOSITORY] {
        reporter.set_service_status(name, when(state != ServingState::Draining)).await;
    }
}
