//! Errors and panics are reported by Sentry's protocol, read here by the protocol's own library.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use klinecast_server::telemetry::reports::{ReportSettings, Reports};
use proto::v1;
use sentry::Envelope;
use sentry::protocol::{Context, Event, Level};
use store::Home;
use tokio::net::TcpListener;

use super::receivers::hanging;
use super::{TRACE, traceparent, wait_for, with};
use crate::harness::{Server, exchange, publish, publish_champion};

/// What a receiver got: the events, and the header with which each came.
type Got = Arc<Mutex<Vec<(Event<'static>, String)>>>;

/// A receiver of reports: its address with a key, and what it gets.
async fn receiver(status: StatusCode) -> (String, Got) {
    let got = Got::default();
    let take = move |State(got): State<Got>, headers: HeaderMap, body: Bytes| async move {
        let auth = headers["x-sentry-auth"].to_str().expect("a text").to_owned();
        let envelope = Envelope::from_slice(&body).expect("an envelope");
        let event = envelope.event().expect("an event").clone();
        got.lock().expect("nobody panics").push((event, auth));
        (status, "{}")
    };
    let router = Router::new().route("/api/7/envelope/", post(take)).with_state(got.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(axum::serve(listener, router).into_future());
    (format!("http://0123456789abcdef@{address}/7"), got)
}

/// Makes a damaged bundle the champion, and asks for it.
async fn fail(server: &Server, home: &std::path::Path) -> tonic::Status {
    let (version, digest) = publish(home, 2);
    let opened = Home::open(home).expect("the home opens");
    super::damage(home, digest);
    store::promote(opened.registry(), version, store::Stage::Production, 0).expect("promoted");
    let metadata = [("traceparent", traceparent()), ("x-request-id", "fails-1".to_owned())];
    let metadata: Vec<(&'static str, &str)> =
        metadata.iter().map(|(name, value)| (*name, value.as_str())).collect();
    server
        .models()
        .reload_models(with(v1::ReloadModelsRequest::default(), &metadata))
        .await
        .expect_err("damaged")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_reported_with_its_request_and_its_trace() {
    let (dsn, got) = receiver(StatusCode::OK).await;
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let _ = publish_champion(home.path(), 1);
    let arguments = ["--sentry-dsn", &dsn, "--telemetry-environment", "staging"];
    let server = Server::start_watchful(&exchange, home.path(), &arguments).await;
    server.serves().await;
    let _ = fail(&server, home.path()).await;
    // The server looks for a champion by itself too; that report names no request.
    let of_the_request = |(event, _): &&(Event<'static>, String)| event.tags.contains_key("request_id");
    let (event, auth) = wait_for("the report", async || {
        got.lock().expect("nobody panics").iter().find(of_the_request).cloned()
    })
    .await;
    assert_eq!(event.level, Level::Error);
    assert!(event.message.as_deref().is_some_and(|words| words.starts_with("bundle refused")), "{event:?}");
    assert_eq!(event.release.as_deref(), Some(concat!("klinecast-server@", env!("CARGO_PKG_VERSION"))));
    assert_eq!(event.environment.as_deref(), Some("staging"));
    assert_eq!(event.tags.get("request_id").map(String::as_str), Some("fails-1"));
    assert!(matches!(&event.contexts["trace"], Context::Trace(trace) if trace.trace_id.to_string() == TRACE));
    assert!(matches!(&event.contexts["fields"], Context::Other(fields) if fields.contains_key("bundle")));
    assert!(event.user.is_none() && event.request.is_none(), "{event:?}");
    assert!(event.server_name.as_deref().unwrap_or_default().is_empty(), "{event:?}");
    assert!(auth.contains("sentry_key=0123456789abcdef"), "{auth}");
    wait_for("the count", async || {
        server.metric("klinecast_error_reports_total{result=\"sent\"}").await.filter(|count| *count >= 1.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_of_reports_that_hangs_holds_nobody_up() {
    let exchange = exchange().await;
    let (hangs, taking) = hanging().await;
    let home = tempfile::tempdir().expect("a folder");
    let _ = publish_champion(home.path(), 1);
    let dsn = hangs.replace("http://", "http://0123456789abcdef@") + "/7";
    let arguments = ["--sentry-dsn", dsn.as_str()];
    let server = Server::start_watchful(&exchange, home.path(), &arguments).await;
    server.serves().await;
    let _ = fail(&server, home.path()).await;
    let request = v1::PredictRequest { symbol: "BTCUSDT".to_owned(), ..Default::default() };
    let _ = server.predictions().predict(request).await.expect("an answer");
    wait_for("what is lost", async || {
        server.metric("klinecast_error_reports_total{result=\"failed\"}").await.filter(|count| *count >= 1.0)
    })
    .await;
    let (status, _, log) = server.terminate().await;
    assert!(status.success(), "{status}: {log}");
    taking.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_reported_and_ends_what_it_would_have_ended() {
    let (dsn, got) = receiver(StatusCode::OK).await;
    let settings = ReportSettings { dsn: dsn.parse().expect("an address"), environment: "test".to_owned() };
    let reports = Reports::start(&settings).expect("it starts");
    reports.watch_panics();
    let thread = std::thread::Builder::new().name("fragile".to_owned());
    let ended = thread.spawn(|| std::panic::panic_any("it broke")).expect("a thread").join();
    assert_eq!(ended.err().and_then(|payload| payload.downcast_ref::<&str>().copied()), Some("it broke"));
    let (event, _) =
        wait_for("the report", async || got.lock().expect("nobody panics").first().cloned()).await;
    reports.flush(Duration::from_secs(5));
    assert_eq!(event.level, Level::Fatal);
    assert_eq!(event.tags.get("thread").map(String::as_str), Some("fragile"));
    let exception = event.exception.values.first().expect("an exception");
    assert_eq!((exception.ty.as_str(), exception.value.as_deref()), ("panic", Some("it broke")));
    let frames = exception.stacktrace.as_ref().map_or(0, |stack| stack.frames.len());
    assert!(frames > 3, "{frames} frames");
}
