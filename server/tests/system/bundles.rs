//! Swaps: a good bundle is taken up without a stop, a bad one changes nothing.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proto::v1;
use serde_json::json;
use store::{Alias, Home};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Server, exchange, publish, publish_champion};

async fn serving_digest(server: &Server) -> String {
    server.get("/models").await.1["champion"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_fails_no_request_and_a_corrupt_bundle_changes_nothing() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let (_, first) = publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;

    // Requests run all the while.
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let asking = tokio::spawn({
        let (stop, asked, mut client) = (stop.clone(), asked.clone(), server.predictions());
        async move {
            while !stop.load(Ordering::Relaxed) {
                let request = v1::PredictRequest { symbol: "BTCUSDT".into(), ..Default::default() };
                client.predict(request).await.expect("no request fails during a swap");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    });

    let (second_version, second) = publish(home.path(), 2);
    let body = json!({ "version": second_version, "stage": "production" }).to_string();
    let (status, model) = server.post("/models/promote", &body).await;
    assert_eq!(
        (status, &model["serving"], &model["stage"]),
        (200, &json!(true), &json!("production")),
        "{model}"
    );
    assert_eq!(serving_digest(&server).await, second.to_string());
    let answer = server.post("/predict/BTCUSDT", "").await.1;
    assert_eq!(answer["bundle"], second.to_string());

    // A bundle whose file was changed after it was published.
    let (third_version, third) = publish(home.path(), 3);
    let path = home.path().join("bundles").join(third.to_string()).join("boosters/return_1step.lightgbm.txt");
    let text = fs::read_to_string(&path).expect("the booster is there");
    fs::write(&path, text.replacen("leaf_value=", "leaf_value=1", 1)).expect("changed");
    let promote = v1::PromoteModelRequest {
        version: third_version.into(),
        stage: v1::Stage::Production.into(),
        ..Default::default()
    };
    let refused = server.models().promote_model(promote).await.expect_err("a corrupt bundle");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(
        refused.get_error_details().error_info().map(|info| info.reason.clone()),
        Some("BUNDLE_REFUSED".into())
    );
    assert!(refused.message().contains("return_1step.lightgbm.txt"), "{}", refused.message());
    let registry = Home::open(home.path()).expect("the home opens");
    let champion = registry.registry().champion().expect("readable").expect("a champion");
    assert_eq!(champion.version, second_version, "a refused promotion does not touch the registry");

    // The same, published behind the server's back.
    registry.registry().set_alias(Alias::Champion, third_version, 0).expect("set");
    let (status, problem) = server.post("/models/reload", "").await;
    assert_eq!((status, &problem["reason"]), (409, &json!("BUNDLE_REFUSED")), "{problem}");
    assert_eq!(serving_digest(&server).await, second.to_string());
    let health = server.get("/health").await;
    assert_eq!(health.0, 200);
    assert!(
        health.1["models"]["problem"].as_str().is_some_and(|text| text.contains("SHA-256")),
        "{}",
        health.1
    );

    // And back to the first.
    registry.registry().set_alias(Alias::Champion, 1, 0).expect("set");
    let reloaded =
        server.models().reload_models(v1::ReloadModelsRequest {}).await.expect("reloaded").into_inner();
    assert_eq!(reloaded.digest, first.to_string());
    assert_eq!(server.post("/models/promote", r#"{"version": 99, "alias": "champion"}"#).await.0, 404);
    assert_eq!(server.post("/models/promote", r#"{"version": 1}"#).await.0, 400);
    assert_eq!(server.post("/models/promote", r#"{"version": 1, "stage": "best"}"#).await.0, 400);

    stop.store(true, Ordering::Relaxed);
    asking.await.expect("no request failed");
    assert!(asked.load(Ordering::Relaxed) > 10);
}
