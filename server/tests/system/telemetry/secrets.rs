//! What callers and settings hold of secrets is nowhere in logs, metrics, spans and answers.

use proto::v1;
use tonic::metadata::MetadataValue;

use super::receivers::Rotel;
use super::{traceparent, wait_for, with};
use crate::harness::{Server, exchange, http, publish_champion};

/// Stands for a key, a token, a password.
const SECRET: &str = "hunter2-s3cret";

/// Sends the secret over HTTP wherever a caller could put one by mistake.
async fn send_over_http(server: &Server) {
    let client = http();
    let url = |path: &str| format!("{}{path}", server.http);
    let requests = [
        client.get(url(&format!("/tasks?api_key={SECRET}"))),
        client.get(url(&format!("/{SECRET}"))),
        client.post(url(&format!("/predict/{SECRET}"))),
        client.post(url("/predict/BTCUSDT")).body(format!("{{\"password\":\"{SECRET}\"}}")),
        client.post(url("/predict/BTCUSDT")).body(SECRET),
        client.get(url(&format!("/predictions?symbols=BTCUSDT&page_token={SECRET}"))),
        client.get(url(&format!("/journal/{SECRET}/replay"))),
        client.get(url("/models")),
        client.delete(url(&format!("/models/{SECRET}"))),
    ];
    for request in requests {
        let request = request
            .header("authorization", format!("Bearer {SECRET}"))
            .header("x-api-key", SECRET)
            .header("cookie", format!("session={SECRET}"))
            .header("x-request-id", format!("key={SECRET}"))
            .header("traceparent", traceparent());
        let _ = request.send().await.expect("an answer");
    }
}

/// Sends the secret over gRPC.
async fn send_over_grpc(server: &Server) {
    let metadata = [
        ("authorization", format!("Bearer {SECRET}")),
        ("x-api-key", SECRET.to_owned()),
        ("x-request-id", format!("key={SECRET}")),
        ("traceparent", traceparent()),
    ];
    let metadata: Vec<(&'static str, &str)> =
        metadata.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for symbol in ["BTCUSDT", SECRET] {
        let message = v1::PredictRequest { symbol: symbol.to_owned(), ..Default::default() };
        let mut request = with(message, &metadata);
        request.metadata_mut().insert_bin("key-bin", MetadataValue::from_bytes(SECRET.as_bytes()));
        // The second is refused.
        let _ = server.predictions().predict(request).await;
    }
    let mut client = tonic::client::Grpc::new(server.channel());
    client.ready().await.expect("a connection");
    let path = format!("/{SECRET}/{SECRET}").parse().expect("a path");
    let codec = tonic_prost::ProstCodec::<v1::PredictRequest, v1::PredictResponse>::default();
    let unknown = client.unary(with(v1::PredictRequest::default(), &metadata), path, codec).await;
    assert_eq!(unknown.map(drop).map_err(|status| status.code()), Err(tonic::Code::Unimplemented));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_logged_counted_traced_or_told() {
    let rotel = Rotel::start().await;
    let endpoint = rotel.as_ref().map_or("http://127.0.0.1:1", |rotel| rotel.endpoint.as_str()).to_owned();
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let _ = publish_champion(home.path(), 1);
    let dsn = format!("http://{SECRET}@127.0.0.1:1/7");
    let arguments = ["--otlp-endpoint", &endpoint, "--sentry-dsn", &dsn];
    // All that this process and what it is made of say; and every request counts as slow.
    let arguments = [&arguments[..], &["--log-filter", "trace", "--log-slow-ms", "1"]].concat();
    let server = Server::start_watchful(&exchange, home.path(), &arguments).await;
    server.serves().await;
    send_over_http(&server).await;
    send_over_grpc(&server).await;
    let (page, log) = (server.metrics_page().await, server.log());
    for target in ["h2::", "klinecast_server::"] {
        assert!(
            log.lines().any(|line| line.contains(&format!("\"target\":\"{target}"))),
            "{target} says nothing"
        );
    }
    assert!(page.contains("klinecast_http_requests_total"), "{page}");
    assert!(!page.contains(SECRET), "a metric tells it");
    let told: Vec<&str> = log.lines().filter(|line| line.contains(SECRET)).take(5).collect();
    assert!(told.is_empty(), "{told:#?}");
    if let Some(rotel) = rotel {
        wait_for("the spans", async || rotel.output().contains("_OTHER").then_some(())).await;
        assert!(!rotel.output().contains(SECRET), "a span tells it: {}", rotel.output());
    }
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let shown = std::process::Command::new(crate::binaries::server())
        .env_clear()
        .env("SENTRY_DSN", format!("https://{SECRET}@errors.example.com/7"))
        .env("DB_URL", format!("postgresql://ada:{SECRET}@db/market"))
        .arg("--print-config")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned() + &String::from_utf8_lossy(&shown.stderr);
    assert!(
        shown.status.success() && text.contains("sentry_dsn = \"https://***@errors.example.com/7\""),
        "{text}"
    );
    assert!(!text.contains(SECRET), "{text}");
}
