//! A real tonic server on loopback that does what its script says.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::Stream;
use klinecast::wire::prediction_service_server::{PredictionService, PredictionServiceServer};
use klinecast::wire::subscribe_response::Event;
use klinecast::{Client, Settings, wire};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<wire::SubscribeResponse, Status>> + Send>>;

/// Its scripts: one entry a call, the last one for every further call. What it was asked is kept.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    pub(crate) predictions: Script<Result<wire::Prediction, Status>>,
    pub(crate) pages: Script<Result<wire::ListPredictionsResponse, Status>>,
    pub(crate) subscriptions: Script<Vec<Result<wire::SubscribeResponse, Status>>>,
    pub(crate) asked: Kept<wire::PredictRequest>,
    pub(crate) asked_batch: Kept<wire::PredictBatchRequest>,
    pub(crate) asked_as_of: Kept<wire::PredictAsOfRequest>,
    pub(crate) listed: Kept<wire::ListPredictionsRequest>,
    pub(crate) subscribed: Kept<wire::SubscribeRequest>,
    pub(crate) timeouts: Kept<Duration>,
    pub(crate) delay: Duration,
}

pub(crate) type Script<T> = Arc<Mutex<Vec<T>>>;
pub(crate) type Kept<T> = Arc<Mutex<Vec<T>>>;

pub(crate) fn script<T>(entries: Vec<T>) -> Script<T> {
    Arc::new(Mutex::new(entries))
}

pub(crate) fn kept<T: Clone>(kept: &Kept<T>) -> Vec<T> {
    kept.lock().expect("no test thread panicked").clone()
}

fn keep<T>(kept: &Kept<T>, request: T) {
    kept.lock().expect("no test thread panicked").push(request);
}

fn next<T: Clone>(script: &Script<T>) -> T {
    let mut entries = script.lock().expect("no test thread panicked");
    if entries.len() > 1 { entries.remove(0) } else { entries[0].clone() }
}

/// What a caller sent as its deadline, for example `5000000u`.
fn timeout<T>(request: &Request<T>) -> Option<Duration> {
    let text = request.metadata().get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at(text.len() - 1);
    let number = number.parse().ok()?;
    match unit {
        "n" => Some(Duration::from_nanos(number)),
        "u" => Some(Duration::from_micros(number)),
        "m" => Some(Duration::from_millis(number)),
        "S" => Some(Duration::from_secs(number)),
        _ => None,
    }
}

#[tonic::async_trait]
impl PredictionService for Scripted {
    type SubscribeStream = Events;

    async fn predict(
        &self,
        request: Request<wire::PredictRequest>,
    ) -> Result<Response<wire::PredictResponse>, Status> {
        self.timeouts.lock().expect("no test thread panicked").extend(timeout(&request));
        keep(&self.asked, request.into_inner());
        tokio::time::sleep(self.delay).await;
        next(&self.predictions)
            .map(|prediction| Response::new(wire::PredictResponse { prediction: Some(prediction) }))
    }

    async fn predict_batch(
        &self,
        request: Request<wire::PredictBatchRequest>,
    ) -> Result<Response<wire::PredictBatchResponse>, Status> {
        self.timeouts.lock().expect("no test thread panicked").extend(timeout(&request));
        keep(&self.asked_batch, request.into_inner());
        Ok(Response::new(wire::PredictBatchResponse::default()))
    }

    async fn predict_as_of(
        &self,
        request: Request<wire::PredictAsOfRequest>,
    ) -> Result<Response<wire::PredictAsOfResponse>, Status> {
        keep(&self.asked_as_of, request.into_inner());
        next(&self.predictions)
            .map(|prediction| Response::new(wire::PredictAsOfResponse { prediction: Some(prediction) }))
    }

    async fn list_predictions(
        &self,
        request: Request<wire::ListPredictionsRequest>,
    ) -> Result<Response<wire::ListPredictionsResponse>, Status> {
        keep(&self.listed, request.into_inner());
        next(&self.pages).map(Response::new)
    }

    async fn subscribe(&self, request: Request<wire::SubscribeRequest>) -> Result<Response<Events>, Status> {
        keep(&self.subscribed, request.into_inner());
        Ok(Response::new(Box::pin(tokio_stream::iter(next(&self.subscriptions)))))
    }

    async fn get_features(
        &self,
        _: Request<wire::GetFeaturesRequest>,
    ) -> Result<Response<wire::GetFeaturesResponse>, Status> {
        Err(Status::unimplemented("not in this script"))
    }
}

/// Starts a server; answers its address.
pub(crate) async fn start<S: PredictionService>(service: S) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = tonic::transport::Server::builder().add_service(PredictionServiceServer::new(service));
    tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
    address.to_string()
}

/// Starts a server; answers a client of it.
pub(crate) async fn serve<S: PredictionService>(service: S) -> Client {
    client(&start(service).await)
}

pub(crate) fn client(address: &str) -> Client {
    Client::new(Settings::at(&format!("http://{address}"))).expect("an address")
}

pub(crate) fn prediction(symbol: &str, bar_time_ms: i64) -> wire::Prediction {
    wire::Prediction { symbol: symbol.to_owned(), bar_time_ms, revision: 1, ..Default::default() }
}

/// An event with its place and token; place 0 is that of no journal.
pub(crate) fn event(sequence: u64, token: &str, event: Event) -> Result<wire::SubscribeResponse, Status> {
    Ok(wire::SubscribeResponse { sequence, resume_token: token.to_owned(), event: Some(event) })
}

pub(crate) fn refusal(code: tonic::Code, reason: &str) -> Status {
    let mut details = ErrorDetails::new();
    let remedy = [("remedy".to_owned(), "do this".to_owned())];
    details.set_error_info(
        reason,
        "klinecast",
        remedy.into_iter().collect::<std::collections::HashMap<_, _>>(),
    );
    Status::with_error_details(code, "it is so; do this", details)
}
