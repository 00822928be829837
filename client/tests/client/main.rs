//! The client against a real tonic server on loopback that breaks its promises on purpose.

mod answers;
mod journalled;
mod scripted;
mod watching;

use std::time::Duration;

use klinecast::{Client, ClientError, Settings};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

use crate::scripted::{Scripted, prediction, refusal, script, serve};

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
