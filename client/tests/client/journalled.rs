//! A server whose subscriptions begin where its journal says, and a line to it that tears in the middle of a message.

use std::sync::{Arc, Mutex};

use klinecast::wire::prediction_service_server::PredictionService;
use klinecast::wire::subscribe_response::Event;
use klinecast::{Update, WatchOptions, wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::StreamExt as _;
use tonic::{Request, Response, Status};

use crate::scripted::{Events, client, event, prediction, start};

const SYMBOLS: [&str; 3] = ["ADAUSDT", "BTCUSDT", "ETHUSDT"];
const BARS: usize = 40;

/// All that its journal has, each with the number that it stands under.
fn journal() -> Vec<wire::Prediction> {
    let bars = (1..=BARS as i64).flat_map(|bar| SYMBOLS.map(|symbol| prediction(symbol, bar * 900)));
    bars.collect()
}

/// Sends the journal to whoever subscribes, then nothing more. `fingerprint` names its journal in tokens.
#[derive(Clone)]
struct Journalled {
    fingerprint: Arc<Mutex<u64>>,
}

impl Journalled {
    fn answer(&self, request: &wire::SubscribeRequest) -> Vec<Result<wire::SubscribeResponse, Status>> {
        let fingerprint = *self.fingerprint.lock().expect("no test thread panicked");
        let journalled = journal().into_iter().enumerate();
        let numbered = |(index, prediction): (usize, wire::Prediction)| {
            let token = format!("{index}.{fingerprint}.{}", prediction.bar_time_ms);
            event(index as u64 + 1, &token, Event::Prediction(prediction))
        };
        let unnumbered =
            |(_, prediction): (usize, wire::Prediction)| event(0, "", Event::Prediction(prediction));
        let after_bar = |bar: i64| {
            let later =
                journal().into_iter().enumerate().filter(move |(_, prediction)| prediction.bar_time_ms > bar);
            later.map(unnumbered).collect()
        };
        let numbers: Vec<i64> =
            request.resume_token.split('.').filter_map(|number| number.parse().ok()).collect();
        match (numbers.as_slice(), request.after_bar_time_ms) {
            ([index, of, _], _) if *of == fingerprint as i64 => {
                journalled.skip(*index as usize + 1).map(numbered).collect()
            }
            // Another journal's: its bar again.
            ([_, _, bar], _) => after_bar(bar - 1),
            (_, bar) if bar > 0 => after_bar(bar),
            // As if everything were made just now.
            _ => journalled.map(numbered).collect(),
        }
    }
}

#[tonic::async_trait]
impl PredictionService for Journalled {
    type SubscribeStream = Events;

    async fn subscribe(&self, request: Request<wire::SubscribeRequest>) -> Result<Response<Events>, Status> {
        let events = self.answer(request.get_ref());
        Ok(Response::new(Box::pin(tokio_stream::iter(events).chain(tokio_stream::pending()))))
    }

    async fn predict(
        &self,
        _: Request<wire::PredictRequest>,
    ) -> Result<Response<wire::PredictResponse>, Status> {
        Err(Status::unimplemented("it only journals"))
    }

    async fn predict_batch(
        &self,
        _: Request<wire::PredictBatchRequest>,
    ) -> Result<Response<wire::PredictBatchResponse>, Status> {
        Err(Status::unimplemented("it only journals"))
    }

    async fn predict_as_of(
        &self,
        _: Request<wire::PredictAsOfRequest>,
    ) -> Result<Response<wire::PredictAsOfResponse>, Status> {
        Err(Status::unimplemented("it only journals"))
    }

    async fn list_predictions(
        &self,
        _: Request<wire::ListPredictionsRequest>,
    ) -> Result<Response<wire::ListPredictionsResponse>, Status> {
        Err(Status::unimplemented("it only journals"))
    }

    async fn get_features(
        &self,
        _: Request<wire::GetFeaturesRequest>,
    ) -> Result<Response<wire::GetFeaturesResponse>, Status> {
        Err(Status::unimplemented("it only journals"))
    }
}

/// A line that lets so many bytes of the server's through on each connection in turn and then tears; the last holds. After
/// each tear `torn` is called.
async fn tearing_line(server: String, bytes: Vec<u64>, torn: impl Fn(usize) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        for (number, allowed) in bytes.into_iter().chain([u64::MAX]).enumerate() {
            let Ok((near, _)) = listener.accept().await else { return };
            let Ok(far) = TcpStream::connect(&server).await else { return };
            let ((mut from_near, mut to_near), (from_far, mut to_far)) =
                (near.into_split(), far.into_split());
            let up = tokio::spawn(async move { copy(&mut from_near, &mut to_far).await });
            let _ = copy(&mut from_far.take(allowed), &mut to_near).await;
            let _ = to_near.shutdown().await;
            up.abort();
            torn(number);
        }
    });
    address.to_string()
}

type Name = (i64, String);

fn name(prediction: &wire::Prediction) -> Name {
    (prediction.bar_time_ms, prediction.symbol.clone())
}

#[tokio::test]
async fn a_line_that_tears_in_the_middle_of_a_message_costs_and_doubles_nothing() {
    let server = Journalled { fingerprint: Arc::new(Mutex::new(7)) };
    let fingerprint = server.fingerprint.clone();
    // From a torn preface to torn messages; at the third tear another replica takes over.
    let bytes = vec![5, 300, 1_000, 1_003, 1_501, 40];
    let tears = bytes.len();
    let torn = move |number| {
        if number == 3 {
            *fingerprint.lock().expect("no test thread panicked") = 8;
        }
    };
    let line = tearing_line(start(server).await, bytes, torn).await;
    let mut watch = client(&line).watch_with(WatchOptions::default());
    let (mut told, mut breaks) = (Vec::new(), 0);
    while told.len() < BARS * SYMBOLS.len() {
        match watch.next().await.expect("time mends it") {
            Update::Prediction(prediction) => told.push(name(&prediction)),
            Update::Reconnecting { .. } => breaks += 1,
            other => panic!("{other:?} was not expected"),
        }
    }
    assert_eq!(told, journal().iter().map(name).collect::<Vec<_>>());
    assert!((1..=tears).contains(&breaks), "{breaks} of {tears} tears were noticed");
}

#[tokio::test]
async fn a_program_that_is_started_again_goes_on_after_the_token_that_it_kept() {
    let server = Journalled { fingerprint: Arc::new(Mutex::new(7)) };
    let address = start(server).await;
    let (mut told, mut token, mut runs) = (Vec::new(), None, 0);
    while told.len() < BARS * SYMBOLS.len() {
        runs += 1;
        let mut watch =
            client(&address).watch_with(WatchOptions { token: token.take(), ..Default::default() });
        for _ in 0..(7_usize).min(BARS * SYMBOLS.len() - told.len()) {
            let Update::Prediction(prediction) = watch.next().await.expect("an update") else {
                panic!("only predictions are sent");
            };
            told.push(name(&prediction));
            assert_eq!(watch.sequence(), told.len() as u64);
        }
        token = watch.token().map(str::to_owned);
    }
    assert_eq!(told, journal().iter().map(name).collect::<Vec<_>>());
    assert_eq!(runs, (BARS * SYMBOLS.len()).div_ceil(7));
}
