//! Subscriptions, the drain that ends them, and the restart after which they go on.

use std::collections::BTreeSet;
use std::time::Duration;

use proto::v1;
use proto::v1::subscribe_response::Event;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Streaming};
use tonic_types::StatusExt;

use crate::harness::{PATIENCE, SYMBOLS, Server, exchange, publish_champion};

type Key = (i64, String, u32);

async fn subscribe(server: &Server, request: v1::SubscribeRequest) -> Streaming<v1::SubscribeResponse> {
    server.predictions().subscribe(request).await.expect("a subscription").into_inner()
}

async fn next(stream: &mut Streaming<v1::SubscribeResponse>) -> Result<Option<Event>, tonic::Status> {
    let event = tokio::time::timeout(PATIENCE, stream.message()).await.expect("something is said in time")?;
    Ok(event.and_then(|event| event.event))
}

/// Reads so many predictions; heartbeats between them are passed over.
async fn read(stream: &mut Streaming<v1::SubscribeResponse>, count: usize) -> Vec<Key> {
    let mut keys = Vec::new();
    while keys.len() < count {
        match next(stream).await.expect("no error") {
            Some(Event::Prediction(prediction)) => {
                keys.push((prediction.bar_time_ms, prediction.symbol, prediction.revision));
            }
            Some(Event::Heartbeat(_)) => {}
            other => panic!("{other:?} was not expected"),
        }
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_the_server_and_goes_on_after_its_restart() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;

    let wanted = v1::SubscribeRequest {
        symbols: vec!["btcusdt".into()],
        tasks: vec!["return_1step".into()],
        latest_first: true,
        ..Default::default()
    };
    let mut one = subscribe(&server, wanted).await;
    let keys = read(&mut one, 3).await;
    assert!(keys.iter().all(|key| key.1 == "BTCUSDT"));
    assert!(keys.is_sorted() && keys.iter().collect::<BTreeSet<_>>().len() == 3, "{keys:?}");

    let mut all = subscribe(&server, v1::SubscribeRequest::default()).await;
    let before = read(&mut all, 2 * SYMBOLS.len()).await;

    // The drain: readers are told, nothing hangs, the journal is whole.
    let (status, took, log) = server.terminate().await;
    assert!(status.success(), "{status}: {log}");
    assert!(took < Duration::from_secs(15), "it took {took:?}");
    assert!(log.contains("\"message\":\"draining\"") && log.contains("\"message\":\"stopped\""), "{log}");
    let ended = loop {
        match next(&mut all).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without saying why"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unavailable);
    assert_eq!(
        ended.get_error_details().error_info().map(|info| info.reason.clone()),
        Some("DRAINING".into())
    );

    // After the restart a subscription goes on after the bar that was read last, from the journal.
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    let page = server.metrics_page().await;
    assert!(page.contains("klinecast_snapshots_total{result=\"resumed\"} 1"), "the saved state is taken up");
    let after = before[0].0;
    let request = v1::SubscribeRequest { after_bar_time_ms: after, ..Default::default() };
    let mut resumed = subscribe(&server, request).await;
    let keys = read(&mut resumed, 3 * SYMBOLS.len()).await;
    assert!(keys.iter().all(|key| key.0 > after));
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "nothing comes twice: {keys:?}");
    let missed: Vec<&Key> = before.iter().filter(|key| key.0 > after && !keys.contains(key)).collect();
    assert!(missed.is_empty(), "{missed:?} were read before and are in the journal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_packed_messages_is_told_the_same() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;

    // From one bar on all are told the same, from the journal and then as it is published.
    let mut plain = subscribe(&server, v1::SubscribeRequest::default()).await;
    let first = read(&mut plain, SYMBOLS.len()).await.swap_remove(0).0;
    let request = v1::SubscribeRequest { after_bar_time_ms: first - 1, ..Default::default() };
    let count = 3 * SYMBOLS.len();
    let mut plain = subscribe(&server, request.clone()).await;
    let told = read(&mut plain, count).await;
    for encoding in [CompressionEncoding::Zstd, CompressionEncoding::Gzip] {
        let mut client = server.predictions().accept_compressed(encoding).send_compressed(encoding);
        let answered = client.subscribe(request.clone()).await.expect("a subscription");
        let packed = answered.metadata().get("grpc-encoding").expect("packed").clone();
        assert_eq!(packed, if encoding == CompressionEncoding::Zstd { "zstd" } else { "gzip" });
        assert_eq!(read(&mut answered.into_inner(), count).await, told);

        let request = v1::PredictRequest { symbol: "BTCUSDT".into(), ..Default::default() };
        let (plain, packed) =
            (server.predictions().predict(request.clone()).await, client.predict(request).await);
        let (plain, packed) = (plain.expect("an answer"), packed.expect("an answer"));
        assert!(plain.metadata().get("grpc-encoding").is_none());
        assert!(packed.metadata().get("grpc-encoding").is_some());
        let symbol = |answer: v1::PredictResponse| answer.prediction.expect("a prediction").symbol;
        assert_eq!(symbol(packed.into_inner()), symbol(plain.into_inner()));
    }
}

/// Events with their tokens until so many predictions were read.
async fn read_with_tokens(
    stream: &mut Streaming<v1::SubscribeResponse>,
    count: usize,
) -> Vec<(Key, u64, String)> {
    let mut events = Vec::new();
    while events.len() < count {
        let message = tokio::time::timeout(PATIENCE, stream.message()).await.expect("in time");
        let message = message.expect("no error").expect("no end");
        assert!(!message.resume_token.is_empty(), "{message:?}");
        if let Some(Event::Prediction(made)) = message.event {
            let key = (made.bar_time_ms, made.symbol, made.revision);
            events.push((key, message.sequence, message.resume_token));
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_goes_on_across_torn_connections_a_swap_and_a_restart_without_a_hole_or_a_double() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    let lossless = |resume_token: String| v1::SubscribeRequest {
        resume_token,
        delivery: v1::Delivery::Lossless.into(),
        ..Default::default()
    };
    let mut heard = Vec::new();
    let mut token = String::new();
    for torn in 0..4 {
        // A connection of its own, dropped without a word in the middle of a bar.
        let mut stream = subscribe(&server, lossless(token)).await;
        heard.extend(read_with_tokens(&mut stream, SYMBOLS.len() + torn % 2 + 1).await);
        token = heard.last().expect("an event").2.clone();
        if torn == 1 {
            publish_champion(home.path(), 2);
        }
    }
    let (status, ..) = server.terminate().await;
    assert!(status.success());
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    let mut stream = subscribe(&server, lossless(token.clone())).await;
    heard.extend(read_with_tokens(&mut stream, 3 * SYMBOLS.len()).await);

    let numbers: Vec<u64> = heard.iter().map(|(_, number, _)| *number).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    // The journal has nothing between the first and the last that was not told.
    let journal = store::Home::open(home.path()).expect("opens");
    let first = i64::try_from(numbers[0]).expect("small") - 1;
    let kept = journal.journal().predictions_after(first, 10_000).expect("readable");
    let kept: Vec<u64> = kept.iter().map(|placed| placed.place.number.unsigned_abs()).collect();
    let last = numbers.last().expect("an event");
    assert_eq!(numbers, kept.into_iter().filter(|number| number <= last).collect::<Vec<_>>());

    // A replayed token reads the same again; one of another journal goes on by its bar; anything else is refused.
    let mut again = subscribe(&server, lossless(token.clone())).await;
    let repeated = read_with_tokens(&mut again, 2).await;
    let place = heard.iter().position(|(.., known)| *known == token).expect("told before");
    assert_eq!(repeated[..], heard[place + 1..place + 3]);
    let (_, rest) = token.split_once('.').expect("a token");
    let (number, rest) = rest.split_once('.').expect("a token");
    let bar = rest.split_once('.').expect("a token").1;
    let mut other = subscribe(&server, lossless(format!("1.{number}.0123456789abcdef.{bar}"))).await;
    let keys = read(&mut other, SYMBOLS.len()).await;
    assert!(keys.iter().all(|key| key.0 >= bar.parse::<i64>().expect("a number")), "{keys:?}");
    for wrong in ["x", "1.2.3", "1.-1.0123456789abcdef.0", "1.99999999999999999999.0123456789abcdef.0"] {
        let refused = server.predictions().subscribe(lossless(wrong.to_owned())).await.expect_err("refused");
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong}");
    }
}
