//! Counts gRPC calls by the names of go-grpc-prometheus, which existing boards know.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::http::{Request, Response};
use metrics::{Counter, Histogram, counter, histogram};
use pin_project_lite::pin_project;
use tonic::body::Body;
use tower::{Layer, Service};

use super::catalogue::names;
use super::ending::{CANCELLED, End, OK, Watch, Watched};

/// The method's place among the known ones; anything else is counted together, so that a caller cannot make labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Method {
    service: &'static str,
    name: &'static str,
    kind: &'static str,
}

const UNARY: &str = "unary";

const OTHER: Method = Method { service: "unknown", name: "unknown", kind: UNARY };

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

static METHODS: [Method; 42] = [
    method(PREDICTION, "Predict", UNARY),
    method(PREDICTION, "PredictBatch", UNARY),
    method(PREDICTION, "PredictAsOf", UNARY),
    method(PREDICTION, "ListPredictions", UNARY),
    method(PREDICTION, "Subscribe", "server_stream"),
    method(PREDICTION, "GetFeatures", UNARY),
    method(MODEL, "ListTasks", UNARY),
    method(MODEL, "ListModels", UNARY),
    method(MODEL, "ReloadModels", UNARY),
    method(MODEL, "PromoteModel", UNARY),
    method(MODEL, "RollBackModel", UNARY),
    method(STATUS, "GetStatus", UNARY),
    method(STATUS, "GetScorecard", UNARY),
    method(JOURNAL, "VerifyJournal", "server_stream"),
    method(JOURNAL, "ReplayPrediction", UNARY),
    method(MARKET, "ListGaps", UNARY),
    method(MARKET, "FollowSymbols", UNARY),
    method(INFERENCE, "ServerLive", UNARY),
    method(INFERENCE, "ServerReady", UNARY),
    method(INFERENCE, "ModelReady", UNARY),
    method(INFERENCE, "ServerMetadata", UNARY),
    method(INFERENCE, "ModelMetadata", UNARY),
    method(INFERENCE, "ModelInfer", UNARY),
    method(INFERENCE, "ModelStreamInfer", "bidi_stream"),
    method(INFERENCE, "ModelConfig", UNARY),
    method(INFERENCE, "ModelStatistics", UNARY),
    method(INFERENCE, "RepositoryIndex", UNARY),
    method(INFERENCE, "RepositoryModelLoad", UNARY),
    method(INFERENCE, "RepositoryModelUnload", UNARY),
    method(INFERENCE, "SystemSharedMemoryStatus", UNARY),
    method(INFERENCE, "SystemSharedMemoryRegister", UNARY),
    method(INFERENCE, "SystemSharedMemoryUnregister", UNARY),
    method(INFERENCE, "CudaSharedMemoryStatus", UNARY),
    method(INFERENCE, "CudaSharedMemoryRegister", UNARY),
    method(INFERENCE, "CudaSharedMemoryUnregister", UNARY),
    method(INFERENCE, "TraceSetting", UNARY),
    method(INFERENCE, "LogSettings", UNARY),
    method(REPOSITORY, "RepositoryIndex", UNARY),
    method(REPOSITORY, "RepositoryModelLoad", UNARY),
    method(REPOSITORY, "RepositoryModelUnload", UNARY),
    method(HEALTH, "Check", UNARY),
    method(HEALTH, "Watch", "server_stream"),
];

impl Method {
    /// Its place in the table; one after the last for those that are not known.
    fn place(self) -> usize {
        METHODS.iter().position(|known| *known == self).unwrap_or(METHODS.len())
    }

    fn of(path: &str) -> Self {
        let Some((service, name)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
            return OTHER;
        };
        let mut methods = METHODS.iter();
        methods.find(|known| known.service == service && known.name == name).copied().unwrap_or(OTHER)
    }
}

/// One method's metrics, each looked up once: a lookup by its labels would cost more than the call that it counts.
#[derive(Debug, Default)]
struct Meters {
    started: OnceLock<Counter>,
    handled: [OnceLock<Counter>; CODES.len()],
    seconds: OnceLock<Histogram>,
}

impl Meters {
    fn begin(&self, method: Method) {
        let Method { service, name, kind } = method;
        let make = || counter!(names::GRPC_STARTED, "grpc_type" => kind, "grpc_service" => service, "grpc_method" => name);
        self.started.get_or_init(make).increment(1);
    }

    fn end(&self, method: Method, code: usize, took: Duration) {
        let Method { service, name, kind } = method;
        let Some(handled) = self.handled.get(code) else { return };
        let make = || {
            counter!(
                names::GRPC_HANDLED,
                "grpc_type" => kind, "grpc_service" => service, "grpc_method" => name, "grpc_code" => CODES[code]
            )
        };
        handled.get_or_init(make).increment(1);
        let make = || histogram!(names::GRPC_SECONDS, "grpc_type" => kind, "grpc_service" => service, "grpc_method" => name);
        self.seconds.get_or_init(make).record(took.as_secs_f64());
    }
}

/// Wraps a gRPC server. Made after the recorder of metrics was installed.
#[derive(Debug, Clone)]
pub struct GrpcMetricsLayer {
    meters: Arc<[Meters]>,
}

impl GrpcMetricsLayer {
    /// A layer that has counted nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { meters: (0..=METHODS.len()).map(|_| Meters::default()).collect() }
    }
}

impl Default for GrpcMetricsLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for GrpcMetricsLayer {
    type Service = GrpcMetrics<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GrpcMetrics { inner, meters: self.meters.clone() }
    }
}

/// A wrapped gRPC server.
#[derive(Debug, Clone)]
pub struct GrpcMetrics<S> {
    inner: S,
    meters: Arc<[Meters]>,
}

impl<S> Service<Request<Body>> for GrpcMetrics<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Counting<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = Call::begin(Method::of(request.uri().path()), &self.meters);
        Counting { inner: self.inner.call(request), call: Some(call) }
    }
}

pin_project! {
    /// A call under way.
    pub struct Counting<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F, E> Future for Counting<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(context))?;
        let Some(call) = this.call.take() else { return Poll::Ready(Ok(response)) };
        // An error without a body has its code among the headers; of a call that is no stream nothing else can go wrong.
        let end = End::of_grpc(response.headers()).or((call.method.kind == UNARY).then_some(End::Grpc(OK)));
        if let Some(end) = end {
            call.end(end);
            return Poll::Ready(Ok(response));
        }
        Poll::Ready(Ok(response.map(|body| Body::new(Watched::grpc(body, call)))))
    }
}

/// One call that has begun. A call that is dropped without an end was cancelled.
#[derive(Debug)]
struct Call {
    method: Method,
    meters: Arc<[Meters]>,
    place: usize,
    began: Instant,
    ended: bool,
}

impl Call {
    fn begin(method: Method, meters: &Arc<[Meters]>) -> Self {
        let place = method.place();
        if let Some(meters) = meters.get(place) {
            meters.begin(method);
        }
        Self { method, meters: meters.clone(), place, began: Instant::now(), ended: false }
    }

    fn record(&mut self, code: usize) {
        self.ended = true;
        if let Some(meters) = self.meters.get(self.place) {
            meters.end(self.method, code, self.began.elapsed());
        }
    }
}

impl Watch for Call {
    fn end(mut self, end: End) {
        self.record(match end {
            End::Grpc(code) => code,
            End::Gone | End::Http(_) => CANCELLED,
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.record(CANCELLED);
        }
    }
}

/// The codes as go-grpc-prometheus writes them, by their numbers.
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
