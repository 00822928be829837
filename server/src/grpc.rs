//! The gRPC face: one service, one file; each only translates.

mod answers;
mod codec;
mod deadline;
mod direct;
mod door;
mod events;
mod health;
mod inference;
mod joined;
mod journal;
mod market;
mod models;
mod prediction;
mod status;

use std::sync::Arc;
use std::time::Duration;

use proto::v1::journal_service_server::JournalServiceServer;
use proto::v1::market_service_server::MarketServiceServer;
use proto::v1::model_service_server::ModelServiceServer;
use proto::v1::status_service_server::StatusServiceServer;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tonic_web::GrpcWebLayer;

use crate::access::AccessLayer;
use crate::guards::Guards;
use crate::listen::Listener;
use crate::overload::ShedLayer;
use crate::service::Service;
use crate::telemetry::grpc_layer::GrpcMetricsLayer;
use crate::telemetry::request_layer::RequestLayer;
use crate::web::{Fence, FenceLayer};

/// The longest request in bytes: 1,000 symbols and every task fit many times over.
const REQUEST_BYTES_MAX: usize = 256 * 1024;

/// How messages may be packed.
const ENCODINGS: [CompressionEncoding; 2] = [CompressionEncoding::Zstd, CompressionEncoding::Gzip];

/// Lets the messages of a generated service be packed, and bounds what is unpacked.
macro_rules! packed {
    ($service:expr, $bytes_max:expr) => {{
        let mut service = $service.max_decoding_message_size($bytes_max);
        for encoding in $crate::grpc::ENCODINGS {
            service = service.accept_compressed(encoding).send_compressed(encoding);
        }
        service
    }};
}
use packed;

/// How many calls one connection may have open.
const STREAMS_PER_CONNECTION: u32 = 1_024;

/// A silent connection is asked for a sign of life this often.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves until `stop`, then lets open calls end. Needs to be awaited to the end.
///
/// # Errors
/// A transport that fails, or descriptors that reflection cannot read.
pub async fn serve(
    listener: Listener,
    service: Service,
    (guards, fence): (Guards, Fence),
    stop: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (health, health_task) = health::service(&service).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(proto::INFERENCE_FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let (v1, v1alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    let prediction = prediction::Prediction {
        service: Arc::new(service.clone()),
        request_bytes_max: REQUEST_BYTES_MAX,
        joined: joined::Joined::default(),
    };
    let models = packed!(ModelServiceServer::new(models::Models(service.clone())), REQUEST_BYTES_MAX);
    let journal = packed!(JournalServiceServer::new(journal::Journal(service.clone())), REQUEST_BYTES_MAX);
    let market = packed!(MarketServiceServer::new(market::Market(service.clone())), REQUEST_BYTES_MAX);
    let (inference, repository) =
        (inference::service(service.clone()), inference::repository(service.clone()));
    let status = packed!(StatusServiceServer::new(status::Statuses(service)), REQUEST_BYTES_MAX);
    let health_task = tokio::spawn(health_task);
    let served = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        // HTTP/1.1 is for pages; their answers end with trailers as a body, which what counts calls has to see before.
        .accept_http1(true)
        .layer(FenceLayer::<door::Grpc>::new(fence))
        .layer(GrpcWebLayer::new())
        .layer(RequestLayer::grpc(guards.requests))
        .layer(GrpcMetricsLayer::new())
        .layer(deadline::DeadlineLayer::default())
        .layer(ShedLayer::<door::Grpc>::new(guards.load))
        .layer(AccessLayer::<door::Grpc>::new(guards.access))
        .layer(prediction::PredictionLayer(prediction))
        .add_service(health)
        .add_service(v1)
        .add_service(v1alpha)
        .add_service(models)
        .add_service(status)
        .add_service(journal)
        .add_service(market)
        .add_service(inference)
        .add_service(repository)
        .serve_with_incoming_shutdown(listener.connections(), stop.cancelled_owned())
        .await;
    health_task.abort();
    Ok(served?)
}
