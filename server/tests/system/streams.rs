//! Subscriptions, the drain that ends them, and the restart after which they go on.

use std::collections::BTreeSet;
use std::time::Duration;

use proto::v1;
use proto::v1::subscribe_response::Event;
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
