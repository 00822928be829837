//! Counts gRPC calls by the names of go-grpc-prometheus, which existing boards know.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Bytes, HttpBody};
use axum::http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use metrics::{counter, histogram};
use tonic::body::Body;
use tower::{Layer, Service};

use super::catalogue::names;

/// The method's place among the known ones; anything else is counted together, so that a caller cannot make labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Method {
    service: &'static str,
    name: &'static str,
    kind: &'static str,
}

const OTHER: Method = Method { service: "unknown", name: "unknown", kind: "unary" };

const PREDICTION: &str = "klinecast.v1.PredictionService";
const MODEL: &str = "klinecast.v1.ModelService";
const STATUS: &str = "klinecast.v1.StatusService";
const JOURNAL: &str = "klinecast.v1.JournalService";
const MARKET: &str = "klinecast.v1.MarketService";
const INFERENCE: &str = "inference.GRPCInferenceService";
const REPOSITORY: &str = "inference.model_repository.ModelRepositoryService";
const HEALTH: &str = "grpc.health.v1.Health";

const fn method(service: &'static str, name: &'static str, kind: &'static str) -> Method {
    Method { service, name, kind }
}

static METHODS: [Method; 39] = [
    method(PREDICTION, "Predict", "unary"),
    method(PREDICTION, "PredictBatch", "unary"),
    method(PREDICTION, "Subscribe", "server_stream"),
    method(PREDICTION, "GetFeatures", "unary"),
    method(MODEL, "ListTasks", "unary"),
    method(MODEL, "ListModels", "unary"),
    method(MODEL, "ReloadModels", "unary"),
    method(MODEL, "PromoteModel", "unary"),
    method(STATUS, "GetStatus", "unary"),
    method(STATUS, "GetScorecard", "unary"),
    method(JOURNAL, "VerifyJournal", "server_stream"),
    method(JOURNAL, "ReplayPrediction", "unary"),
    method(MARKET, "ListGaps", "unary"),
    method(MARKET, "FollowSymbols", "unary"),
    method(INFERENCE, "ServerLive", "unary"),
    method(INFERENCE, "ServerReady", "unary"),
    method(INFERENCE, "ModelReady", "unary"),
    method(INFERENCE, "ServerMetadata", "unary"),
    method(INFERENCE, "ModelMetadata", "unary"),
    method(INFERENCE, "ModelInfer", "unary"),
    method(INFERENCE, "ModelStreamInfer", "bidi_stream"),
    method(INFERENCE, "ModelConfig", "unary"),
    method(INFERENCE, "ModelStatistics", "unary"),
    method(INFERENCE, "RepositoryIndex", "unary"),
    method(INFERENCE, "RepositoryModelLoad", "unary"),
    method(INFERENCE, "RepositoryModelUnload", "unary"),
    method(INFERENCE, "SystemSharedMemoryStatus", "unary"),
    method(INFERENCE, "SystemSharedMemoryRegister", "unary"),
    method(INFERENCE, "SystemSharedMemoryUnregister", "unary"),
    method(INFERENCE, "CudaSharedMemoryStatus", "unary"),
    method(INFERENCE, "CudaSharedMemoryRegister", "unary"),
    method(INFERENCE, "CudaSharedMemoryUnregister", "unary"),
    method(INFERENCE, "TraceSetting", "unary"),
    method(INFERENCE, "LogSettings", "unary"),
    method(REPOSITORY, "RepositoryIndex", "unary"),
    method(REPOSITORY, "RepositoryModelLoad", "unary"),
    method(REPOSITORY, "RepositoryModelUnload", "unary"),
    method(HEALTH, "Check", "unary"),
    method(HEALTH, "Watch", "server_stream"),
];

impl Method {
    fn of(path: &str) -> Self {
        let Some((service, name)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
            return OTHER;
        };
        let mut methods = METHODS.iter();
        methods.find(|known| known.service == service && known.name == name).copied().unwrap_or(OTHER)
    }
}

/// Wraps a gRPC server.
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcMetricsLayer;

impl<S> Layer<S> for GrpcMetricsLayer {
    type Service = GrpcMetrics<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GrpcMetrics { inner }
    }
}

/// A wrapped gRPC server.
#[derive(Debug, Clone)]
pub struct GrpcMetrics<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for GrpcMetrics<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = Call::begin(Method::of(request.uri().path()));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            let (parts, body) = response.into_parts();
            // An error without a body has its code among the headers.
            let call = match code(&parts.headers) {
                Some(code) => {
                    call.end(code);
                    None
                }
                None => Some(call),
            };
            Ok(Response::from_parts(parts, Body::new(Counted { inner: body, call })))
        })
    }
}

/// One call that has begun. A call that is dropped without an end was cancelled.
#[derive(Debug)]
struct Call {
    method: Method,
    began: Instant,
    ended: bool,
}

impl Call {
    fn begin(method: Method) -> Self {
        let Method { service, name, kind } = method;
        counter!(names::GRPC_STARTED, "grpc_type" => kind, "grpc_service" => service, "grpc_method" => name)
            .increment(1);
        Self { method, began: Instant::now(), ended: false }
    }

    fn end(mut self, code: &'static str) {
        self.record(code);
    }

    fn record(&mut self, code: &'static str) {
        self.ended = true;
        let Method { service, name, kind } = self.method;
        counter!(
            names::GRPC_HANDLED,
            "grpc_type" => kind, "grpc_service" => service, "grpc_method" => name, "grpc_code" => code
        )
        .increment(1);
        histogram!(names::GRPC_SECONDS, "grpc_type" => kind, "grpc_service" => service, "grpc_method" => name)
            .record(self.began.elapsed().as_secs_f64());
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.record("Canceled");
        }
    }
}

/// The name of the code among headers or trailers, as go-grpc-prometheus writes it.
fn code(headers: &HeaderMap) -> Option<&'static str> {
    const CODES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    let number: usize = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    Some(CODES.get(number).copied().unwrap_or("Unknown"))
}

/// A body that ends its call with its trailers.
struct Counted {
    inner: Body,
    call: Option<Call>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        let ended = match &frame {
            Some(Ok(frame)) => frame.trailers_ref().map(|trailers| code(trailers).unwrap_or("Unknown")),
            Some(Err(_)) => Some("Unknown"),
            None => Some("OK"),
        };
        if let Some(code) = ended
            && let Some(call) = self.call.take()
        {
            call.end(code);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_of_the_contract_is_counted_by_name() {
        let sets = [
            proto::FILE_DESCRIPTOR_SET,
            proto::INFERENCE_FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ];
        let mut contract = Vec::new();
        for set in sets {
            let set = FileDescriptorSet::decode(set).expect("descriptors");
            for file in &set.file {
                for service in &file.service {
                    let name = format!("{}.{}", file.package(), service.name());
                    for method in &service.method {
                        let kind = match (method.client_streaming(), method.server_streaming()) {
                            (false, false) => "unary",
                            (false, true) => "server_stream",
                            (true, false) => "client_stream",
                            (true, true) => "bidi_stream",
                        };
                        let path = format!("/{name}/{}", method.name());
                        assert_eq!(Method::of(&path).kind, kind, "{path}");
                        contract.push((name.clone(), method.name().to_owned()));
                    }
                }
            }
        }
        for method in METHODS {
            let known = (method.service.to_owned(), method.name.to_owned());
            assert!(contract.contains(&known), "{known:?} is not in the contract");
            assert_eq!(Method::of(&format!("/{}/{}", known.0, known.1)), method);
        }
        assert_eq!(contract.len(), METHODS.len());
        assert_eq!(Method::of("/a.b/C"), OTHER);
    }
}
