//! A cold start, and what both faces then say.

use std::time::{Duration, Instant};

use proto::v1;
use serde_json::{Value, json};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt;

use crate::harness::{SYMBOLS, Server, exchange, publish_champion};

async fn health(server: &Server, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    server.health().check(request).await.expect("health answers").into_inner().status()
}

fn request(symbol: &str, tasks: &[&str], interval: &str) -> v1::PredictRequest {
    v1::PredictRequest {
        symbol: symbol.to_owned(),
        tasks: tasks.iter().map(|&task| task.to_owned()).collect(),
        interval: interval.to_owned(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_once_a_bundle_is_there_and_both_faces_agree() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let server = Server::start(&exchange, home.path()).await;

    // Without a bundle: not serving, and every answer says why.
    assert_eq!(health(&server, "").await, ServingStatus::NotServing);
    assert_eq!(server.get("/health").await.0, 503);
    assert_eq!(server.get("/health/live").await.0, 200);
    let refused = server.predictions().predict(request("BTCUSDT", &[], "")).await.expect_err("no bundle");
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(
        refused.get_error_details().error_info().map(|info| info.reason.clone()),
        Some("NO_BUNDLE".into())
    );
    let (status, problem) = server.post("/predict/BTCUSDT", "").await;
    assert_eq!((status, &problem["reason"]), (503, &json!("NO_BUNDLE")));

    let (_, digest) = publish_champion(home.path(), 1);
    server.serves().await;
    assert_eq!(health(&server, "klinecast.v1.PredictionService").await, ServingStatus::Serving);

    faces_agree(&server, &digest.to_string()).await;
    features_agree(&server).await;
    lists_and_status(&server, &digest.to_string()).await;
    unknown_names_are_told(&server).await;
    metrics_are_listed(&server).await;
}

/// Asks both faces until they speak of the same bar, then compares every number to the bit.
async fn faces_agree(server: &Server, digest: &str) {
    for symbol in SYMBOLS {
        let (wire, json) = loop {
            let wire = server.predictions().predict(request(symbol, &[], "15m")).await.expect("an answer");
            let wire = wire.into_inner().prediction.expect("a prediction");
            let (status, json) = server.post(&format!("/v1/predict/{}", symbol.to_lowercase()), "{}").await;
            assert_eq!(status, 200);
            if json["bar_time"] == wire.bar_time_ms && json["revision"] == wire.revision {
                break (wire, json);
            }
        };
        assert_eq!((wire.symbol.as_str(), wire.bundle_digest.as_str()), (symbol, digest));
        assert_eq!(json["bundle"], digest);
        assert_eq!(json["row_hash"], wire.row_hash);
        assert_eq!(wire.tasks.len(), 7);
        for task in &wire.tasks {
            let answers = &json["predictions"][&task.task];
            for (name, answer) in
                [("lightgbm", &task.lightgbm), ("xgboost", &task.xgboost), ("ensemble", &task.ensemble)]
            {
                let answer = answer.as_ref().and_then(|answer| answer.answer.as_ref()).expect("an answer");
                match answer {
                    v1::answer::Answer::Value(value) => assert_eq!(bits(&answers[name]), value.to_bits()),
                    v1::answer::Answer::Classes(classes) => {
                        assert_eq!(answers[name], classes.index);
                        let list = answers["probabilities"][name].as_array().expect("a list");
                        let list: Vec<u64> = list.iter().map(bits).collect();
                        assert_eq!(
                            list,
                            classes.probabilities.iter().map(|p| p.to_bits()).collect::<Vec<_>>()
                        );
                        let sum: f64 = classes.probabilities.iter().sum();
                        assert!((sum - 1.0).abs() < 1e-6, "{} adds up to {sum}", task.task);
                    }
                }
            }
            assert!(!task.baselines.is_empty(), "{} has no baselines", task.task);
        }
    }
    let (status, some) = server.get("/predict/BTCUSDT/task/return_4step").await;
    assert_eq!((status, some["predictions"].as_object().map(serde_json::Map::len)), (200, Some(1)));
    let (_, batch) = server.post("/predict/batch", r#"{"symbols": ["ETHUSDT", "X", "BTCUSDT"]}"#).await;
    assert_eq!(batch["predictions"][1]["symbol"], "BTCUSDT");
    assert_eq!(batch["problems"]["X"]["reason"], "UNKNOWN_SYMBOL");
    let batch = server.predictions().predict_batch(v1::PredictBatchRequest::default()).await.expect("all");
    let names: Vec<String> = batch.into_inner().items.into_iter().map(|item| item.symbol).collect();
    assert_eq!(names, SYMBOLS);
}

fn bits(value: &Value) -> u64 {
    value.as_f64().expect("a number").to_bits()
}

async fn features_agree(server: &Server) {
    let (wire, json) = loop {
        let request = v1::GetFeaturesRequest { symbol: "ETHUSDT".into(), ..Default::default() };
        let wire = server.predictions().get_features(request).await.expect("a row").into_inner();
        let (_, json) = server.get("/features/ETHUSDT").await;
        if json["row_hash"] == wire.row_hash {
            break (wire, json);
        }
    };
    assert!(wire.features.len() >= 64);
    for feature in &wire.features {
        assert_eq!(bits(&json["features"][&feature.name]), feature.value.to_bits(), "{}", feature.name);
    }
    let name = &wire.features[3].name;
    let (_, one) = server.get(&format!("/features/ETHUSDT?names={name}")).await;
    assert_eq!(one["features"].as_object().map(serde_json::Map::len), Some(1));
}

async fn lists_and_status(server: &Server, digest: &str) {
    let (_, tasks) = server.get("/tasks").await;
    assert_eq!(tasks["tasks"].as_array().map(Vec::len), Some(7));
    assert_eq!(tasks["tasks"][0]["loaded"], true);
    let (_, models) = server.get("/models").await;
    assert_eq!(models["champion"], digest);
    assert_eq!(
        (&models["models"][0]["serving"], &models["models"][0]["aliases"][0]),
        (&json!(true), &json!("champion"))
    );
    let wire = server.models().list_models(v1::ListModelsRequest {}).await.expect("a list").into_inner();
    assert_eq!(wire.champion_digest, digest);
    let status = server.statuses().get_status(v1::GetStatusRequest {}).await.expect("a status").into_inner();
    assert_eq!(status.state(), v1::ServingState::Serving);
    assert_eq!(status.exchange_state(), v1::ExchangeState::Live);
    assert!(status.symbols.iter().all(|symbol| symbol.ready) && status.symbols.len() == SYMBOLS.len());
    assert!(status.watermark_ms > 0 && status.waiting_for.is_empty());
    let scores: Vec<&str> = status.scores.iter().map(|score| score.task.as_str()).collect();
    assert_eq!(scores.len(), 7, "{scores:?}");
    assert!(status.scores.iter().all(|score| !score.baseline.is_empty()));
}

async fn unknown_names_are_told(server: &Server) {
    let cases = [
        (request("DOGEUSDT", &[], ""), Code::NotFound, "UNKNOWN_SYMBOL", "BTCUSDT"),
        (request("BTCUSDT", &["return_2step"], ""), Code::NotFound, "UNKNOWN_TASK", "return_16step"),
        (request("BTCUSDT", &[], "1h"), Code::InvalidArgument, "UNKNOWN_INTERVAL", "15m"),
    ];
    for (request, code, reason, known) in cases {
        let body = json!({ "tasks": request.tasks, "interval": request.interval }).to_string();
        let (status, problem) = server.post(&format!("/predict/{}", request.symbol), &body).await;
        let refused = server.predictions().predict(request).await.expect_err(reason);
        assert_eq!(refused.code(), code);
        let details = refused.get_error_details();
        let info = details.error_info().expect("a reason");
        assert_eq!(info.reason, reason);
        assert!(info.metadata["known"].contains(known), "{info:?}");
        assert_eq!(status, if code == Code::NotFound { 404 } else { 400 });
        assert_eq!((&problem["reason"], &problem["status"]), (&json!(reason), &json!(status)));
        assert!(problem["facts"]["known"].as_str().is_some_and(|list| list.contains(known)));
    }
    for (path, status) in [("/nothing", 404), ("/predict/BTCUSDT/task/x", 404), ("/predict/%ff/task/x", 400)]
    {
        assert_eq!(server.get(path).await.0, status, "{path}");
    }
    assert_eq!(server.get("/predict/BTCUSDT").await.0, 405);
    assert_eq!(server.post("/predict/BTCUSDT", "{").await.0, 400);
    assert_eq!(server.post("/predict/batch", &"x".repeat(300 * 1024)).await.0, 413);
    let many = json!({ "symbols": vec!["BTCUSDT"; 1_001] }).to_string();
    assert_eq!(server.post("/predict/batch", &many).await.0, 413);
}

/// Every exported name is in the list, and what this test has caused is exported.
async fn metrics_are_listed(server: &Server) {
    use klinecast_server::telemetry::catalogue::{METRICS, names};
    // The first live kline may be a bar away.
    let mut page = server.metrics_page().await;
    let began = Instant::now();
    while !page.contains(names::KLINES) && began.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        page = server.metrics_page().await;
    }
    for line in page.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).unwrap_or_default();
        assert!(METRICS.iter().any(|metric| metric.name == name), "{name} is not listed");
    }
    for name in [
        names::GRPC_HANDLED,
        names::GRPC_SECONDS,
        names::HTTP_REQUESTS,
        names::KLINES,
        names::PREDICTIONS,
        names::WATERMARK,
        names::STALENESS,
        names::FEATURE_COUNT,
        names::BUNDLE_LOADS,
        names::SNAPSHOTS,
        names::WRITTEN,
        names::SERVING,
        names::PROCESS_MEMORY,
    ] {
        assert!(page.contains(name), "{name} is not exported");
    }
    assert!(page.contains("grpc_code=\"NotFound\"") && page.contains("grpc_code=\"OK\""));
    assert!(page.contains("le=\"0.00001\""), "the buckets begin at 10 microseconds");
}
