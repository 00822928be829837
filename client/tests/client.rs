//! The client against a real tonic server on loopback that breaks its promises on purpose.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::Stream;
use klinecast::wire::prediction_service_server::{PredictionService, PredictionServiceServer};
use klinecast::wire::subscribe_response::Event;
use klinecast::{Client, ClientError, Settings, Update, wire};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

type Events = Pin<Box<dyn Stream<Item = Result<wire::SubscribeResponse, Status>> + Send>>;

/// A server that does what its script says: one entry a call, the last one for every further call.
#[derive(Clone, Default)]
struct Scripted {
    predictions: Script<Result<wire::Prediction, Status>>,
    subscriptions: Script<Vec<Result<Event, Status>>>,
    subscribed: Arc<Mutex<Vec<wire::SubscribeRequest>>>,
    delay: Duration,
}

type Script<T> = Arc<Mutex<Vec<T>>>;

fn script<T>(entries: Vec<T>) -> Script<T> {
    Arc::new(Mutex::new(entries))
}

fn next<T: Clone>(script: &Script<T>) -> T {
    let mut entries = script.lock().expect("no test thread panicked");
    if entries.len() > 1 { entries.remove(0) } else { entries[0].clone() }
}

#[tonic::async_trait]
impl PredictionService for Scripted {
    type SubscribeStream = Events;

    async fn predict(
        &self,
        _: Request<wire::PredictRequest>,
    ) -> Result<Response<wire::PredictResponse>, Status> {
        tokio::time::sleep(self.delay).await;
        next(&self.predictions)
            .map(|prediction| Response::new(wire::PredictResponse { prediction: Some(prediction) }))
    }

    async fn predict_batch(
        &self,
        _: Request<wire::PredictBatchRequest>,
    ) -> Result<Response<wire::PredictBatchResponse>, Status> {
        Ok(Response::new(wire::PredictBatchResponse::default()))
    }

    async fn subscribe(&self, request: Request<wire::SubscribeRequest>) -> Result<Response<Events>, Status> {
        self.subscribed.lock().expect("no test thread panicked").push(request.into_inner());
        let events = next(&self.subscriptions).into_iter();
        let events = events.map(|event| event.map(|event| wire::SubscribeResponse { event: Some(event) }));
        Ok(Response::new(Box::pin(tokio_stream::iter(events.collect::<Vec<_>>()))))
    }

    async fn get_features(
        &self,
        _: Request<wire::GetFeaturesRequest>,
    ) -> Result<Response<wire::GetFeaturesResponse>, Status> {
        Err(Status::unimplemented("not in this script"))
    }
}

async fn serve(scripted: Scripted) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = tonic::transport::Server::builder().add_service(PredictionServiceServer::new(scripted));
    tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
    Client::new(Settings::at(&format!("http://{address}"))).expect("an address")
}

fn prediction(symbol: &str, bar_time_ms: i64) -> wire::Prediction {
    wire::Prediction { symbol: symbol.to_owned(), bar_time_ms, revision: 1, ..Default::default() }
}

fn refusal(code: tonic::Code, reason: &str) -> Status {
    let mut details = ErrorDetails::new();
    let remedy = [("remedy".to_owned(), "do this".to_owned())];
    details.set_error_info(
        reason,
        "klinecast",
        remedy.into_iter().collect::<std::collections::HashMap<_, _>>(),
    );
    Status::with_error_details(code, "it is so; do this", details)
}

#[tokio::test]
async fn health_tells_the_whole_from_one_service_and_refuses_one_that_there_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    reporter.set_service_status("status", tonic_health::ServingStatus::Serving).await;
    let router = tonic::transport::Server::builder().add_service(health);
    tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
    let client = Client::new(Settings::at(&format!("http://{address}"))).expect("an address");
    assert!(!client.health("").await.expect("an answer"));
    assert!(client.health("status").await.expect("an answer"));
    let error = client.health("other").await.expect_err("a refusal");
    assert!(matches!(error, ClientError::Refused { code: tonic::Code::NotFound, .. }), "{error}");
}

#[tokio::test]
async fn a_call_outlives_two_refusals_that_time_mends() {
    let warming = || Err(refusal(tonic::Code::Unavailable, "NOT_WARM"));
    let predictions = script(vec![warming(), warming(), Ok(prediction("BTCUSDT", 900))]);
    let client = serve(Scripted { predictions, ..Default::default() }).await;
    assert_eq!(client.predict("BTCUSDT", &[]).await.expect("an answer").bar_time_ms, 900);
}

#[tokio::test]
async fn a_refusal_for_good_comes_at_once_with_reason_and_remedy() {
    let unknown = Err(refusal(tonic::Code::NotFound, "UNKNOWN_SYMBOL"));
    let predictions = script(vec![unknown, Ok(prediction("BTCUSDT", 900))]);
    let client = serve(Scripted { predictions, ..Default::default() }).await;
    let error = client.predict("XYZ", &[]).await.expect_err("a refusal");
    assert_eq!(error.to_string(), "it is so; do this");
    assert!(matches!(error, ClientError::Refused { reason, .. } if reason == "UNKNOWN_SYMBOL"));
}

#[tokio::test]
async fn a_server_that_is_too_slow_is_named_with_the_time_allowed() {
    let predictions = script(vec![Ok(prediction("BTCUSDT", 900))]);
    let slow = serve(Scripted { predictions, delay: Duration::from_secs(30), ..Default::default() }).await;
    let mut settings = Settings::at(slow.server());
    settings.deadline = Duration::from_millis(200);
    let error =
        Client::new(settings).expect("an address").predict("BTCUSDT", &[]).await.expect_err("too late");
    assert!(matches!(error, ClientError::DeadlineExceeded { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_down_is_named_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let client = Client::new(Settings::at(&format!("http://{address}"))).expect("an address");
    let error = client.status().await.expect_err("nobody there");
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("connection refused"), "{text}");
}

#[tokio::test]
async fn addresses_that_are_none_are_refused_before_any_call() {
    for address in ["", "127.0.0.1:50051", "ftp://127.0.0.1:1", "http://", "klinecast", "http://a b"] {
        assert!(matches!(Client::new(Settings::at(address)), Err(ClientError::Address { .. })), "{address}");
    }
}

#[tokio::test]
async fn a_watch_survives_a_break_and_a_lag_and_tells_each_prediction_once() {
    let event = |symbol: &str, bar| Ok(Event::Prediction(prediction(symbol, bar)));
    let subscriptions = script(vec![
        vec![
            event("ADAUSDT", 900),
            event("BTCUSDT", 900),
            event("ADAUSDT", 1_800),
            Err(Status::unknown("torn")),
        ],
        vec![
            event("ADAUSDT", 1_800),
            event("BTCUSDT", 1_800),
            Ok(Event::Lagged(wire::Lagged { dropped_count: 3 })),
        ],
        vec![event("ADAUSDT", 1_800), event("BTCUSDT", 1_800), event("ADAUSDT", 2_700)],
        vec![],
    ]);
    let scripted = Scripted { subscriptions, ..Default::default() };
    let subscribed = scripted.subscribed.clone();
    let mut watch = serve(scripted).await.watch(&[], &[]);
    let mut told = Vec::new();
    let (mut breaks, mut lags) = (0, 0);
    while told.len() < 5 {
        match watch.next().await.expect("time mends it") {
            Update::Prediction(prediction) => told.push((prediction.symbol, prediction.bar_time_ms)),
            Update::Reconnecting { attempt, .. } => {
                assert_eq!(attempt, 1);
                breaks += 1;
            }
            Update::Lagged { dropped_count } => lags += dropped_count,
            Update::Heartbeat { .. } => (),
        }
    }
    let expected =
        [("ADAUSDT", 900), ("BTCUSDT", 900), ("ADAUSDT", 1_800), ("BTCUSDT", 1_800), ("ADAUSDT", 2_700)];
    assert_eq!(told, expected.map(|(symbol, bar)| (symbol.to_owned(), bar)));
    assert_eq!((breaks, lags), (1, 3));
    let subscribed = subscribed.lock().expect("no test thread panicked");
    let resumed: Vec<i64> = subscribed.iter().map(|request| request.after_bar_time_ms).collect();
    assert_eq!(resumed, [0, 1_799, 1_799]);
    assert!(subscribed[0].latest_first);
}

#[tokio::test]
async fn a_watch_of_what_is_not_served_ends() {
    let unknown = vec![Err(refusal(tonic::Code::NotFound, "UNKNOWN_SYMBOL"))];
    let mut watch = serve(Scripted { subscriptions: script(vec![unknown]), ..Default::default() })
        .await
        .watch(&["XYZ".to_owned()], &[]);
    assert!(watch.next().await.is_err());
}
