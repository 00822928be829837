//! Requests are named in their answers, in logs and in traces.

use std::time::{Duration, Instant};

use proto::v1;
use serde_json::json;

use super::receivers::{Rotel, hanging};
use super::{SPAN, TRACE, identifier, lines, traceparent, wait_for, with};
use crate::harness::{Server, exchange, http, publish_champion};

fn predict(symbol: &str) -> v1::PredictRequest {
    v1::PredictRequest { symbol: symbol.to_owned(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_goes_by_one_name_in_its_answer_and_in_the_log() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let _ = publish_champion(home.path(), 1);
    // Nothing takes longer than zero: every request is a slow one.
    let server = Server::start_watchful(&exchange, home.path(), &["--log-slow-ms", "1"]).await;
    server.serves().await;

    let made =
        identifier(server.predictions().predict(predict("BTCUSDT")).await.expect("an answer").metadata());
    assert!(made.len() == 16 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
    let named = with(predict("BTCUSDT"), &[("x-request-id", "mine-7")]);
    let answer = server.predictions().predict(named).await.expect("an answer");
    assert_eq!(identifier(answer.metadata()), "mine-7");
    let named = with(predict("NOPEUSDT"), &[("x-request-id", "mine-8")]);
    let refused = server.predictions().predict(named).await.expect_err("not followed");
    assert_eq!(identifier(refused.metadata()), "mine-8");
    for (given, answered) in [(Some("mine-9"), Some("mine-9")), (Some("not \"mine\""), None), (None, None)] {
        let mut request = http().get(format!("{}/tasks", server.http));
        if let Some(given) = given {
            request = request.header("x-request-id", given);
        }
        let answer = request.send().await.expect("an answer");
        let name = answer.headers()["x-request-id"].to_str().expect("a text").to_owned();
        assert!(answered.map_or_else(|| name.len() == 16, |answered| name == answered), "{given:?}: {name}");
    }

    // A reload verifies a bundle, which takes more than a millisecond; so does a replay or an explanation, whichever is first.
    let traced = with(
        v1::PredictBatchRequest { explain_top: 3, ..Default::default() },
        &[("x-request-id", "slow-1"), ("traceparent", &traceparent())],
    );
    let _ = server.predictions().predict_batch(traced).await.expect("an answer");
    let line = wait_for("the line of a slow request", async || {
        lines(&server)
            .into_iter()
            .find(|line| line["message"] == "slow request" && line["request_id"] == "slow-1")
    })
    .await;
    assert_eq!(line["method"], "klinecast.v1.PredictionService/PredictBatch");
    assert_eq!((&line["symbols"], &line["tasks"], &line["code"]), (&json!(3), &json!(7), &json!("OK")));
    assert_eq!((&line["trace_id"], &line["span_id"]), (&json!(TRACE), &json!(SPAN)));
    assert!(line["duration_ms"].as_f64().is_some_and(|took| took > 1.0), "{line}");
    assert!(
        server.metric("klinecast_slow_requests_total{face=\"grpc\"}").await.is_some_and(|count| count >= 1.0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_traced_request_arrives_at_a_real_receiver_with_its_parts() {
    let Some(rotel) = Rotel::start().await else { return };
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let _ = publish_champion(home.path(), 1);
    let arguments = ["--otlp-endpoint", &rotel.endpoint, "--trace-sample-ratio", "0"];
    let server = Server::start_watchful(&exchange, home.path(), &arguments).await;
    server.serves().await;

    // Without a caller's wish and at a ratio of zero nothing is recorded.
    let _ = server.predictions().predict(predict("BTCUSDT")).await.expect("an answer");
    let explained = v1::PredictRequest { explain_top: 3, ..predict("ETHUSDT") };
    let names = [("traceparent", traceparent()), ("x-request-id", "traced-1".to_owned())];
    let names: Vec<(&'static str, &str)> =
        names.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _ = server.predictions().predict(with(explained, &names)).await.expect("an answer");
    let reload = with(v1::ReloadModelsRequest::default(), &names);
    let _ = server.models().reload_models(reload).await.expect("reloaded");
    let answer = http()
        .post(format!("{}/v1/predict/BTCUSDT?token=unheard", server.http))
        .header("traceparent", traceparent())
        .header("tracestate", "vendor=1")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);

    let wanted = [
        TRACE,
        SPAN,
        "vendor=1",
        "klinecast-server",
        "klinecast.v1.PredictionService/Predict",
        "klinecast.v1.ModelService/ReloadModels",
        "registry.champion",
        "store",
        "explain",
        "POST /v1/predict/{symbol}",
        "rpc.system.name",
        "rpc.response.status_code",
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "traced-1",
    ];
    wait_for("every span", async || {
        let output = rotel.output();
        wanted.iter().all(|name| output.contains(name)).then_some(())
    })
    .await;
    let output = rotel.output();
    assert!(!output.contains("unheard"), "a query went into a span");
    // Three requests, and the parts: a store's work with an explanation in it, a look into the registry.
    // The receiver has them a moment before the server hears that it does.
    let exported = wait_for("the count", async || {
        let count = server.metric("klinecast_trace_spans_total{result=\"exported\"}").await?;
        (count >= 6.0).then_some(count)
    })
    .await;
    assert!(exported <= 9.0, "{exported}: {output}");
    assert_eq!(server.metric("klinecast_trace_spans_total{result=\"failed\"}").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_hang_or_are_away_hold_nobody_up_and_are_seen() {
    let exchange = exchange().await;
    let (hangs, taking) = hanging().await;
    for endpoint in [hangs, "http://127.0.0.1:1".to_owned()] {
        let home = tempfile::tempdir().expect("a folder");
        let _ = publish_champion(home.path(), 1);
        let arguments = ["--otlp-endpoint", endpoint.as_str(), "--trace-sample-ratio", "1"];
        let server = Server::start_watchful(&exchange, home.path(), &arguments).await;
        server.serves().await;
        let began = Instant::now();
        let mut predictions = server.predictions();
        for _ in 0..3_000 {
            let _ = predictions.predict(predict("BTCUSDT")).await.expect("an answer");
        }
        // A millisecond each is far more than they take, and far less than a receiver is waited for.
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        wait_for("what is lost", async || {
            server.metric("klinecast_trace_spans_total{result=\"failed\"}").await.filter(|count| *count > 0.0)
        })
        .await;
        wait_for("a word about it", async || {
            lines(&server).into_iter().find(|line| {
                line["level"] == "WARN"
                    && line["message"].as_str().is_some_and(|words| words.contains("receiver"))
            })
        })
        .await;
        let (status, took, log) = server.terminate().await;
        assert!(status.success() && took < Duration::from_secs(20), "{status} after {took:?}: {log}");
    }
    taking.abort();
}
