//! Which bundle answers: roll-back, a hang-up signal; and a server that has more to do than it may.

use std::time::Instant;

use forecast::{BundleBuilder, Task};
use proto::v1;
use proto::v1::journal_service_client::JournalServiceClient;
use store::Home;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_types::StatusExt;

use crate::harness::{PATIENCE, Server, exchange, publish_champion, publish_champion_of, small_bundle};

fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_champion_before_comes_back_and_a_hang_up_reloads() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let (_, first) = publish_champion(home.path(), 1);
    // It does not look by itself.
    let server = Server::start_watchful(&exchange, home.path(), &["--registry-poll-seconds", "3600"]).await;
    server.answers_by(first).await;
    let (status, body) = server.post("/models/rollback", "").await;
    assert_eq!((status, body["reason"].as_str()), (409, Some("NO_PREVIOUS")));

    let (_, second) = publish_champion(home.path(), 2);
    server.signal("HUP");
    server.answers_by(second).await;

    let (status, model) = server.post("/models/rollback", "").await;
    assert_eq!((status, model["digest"].as_str()), (200, Some(first.to_string().as_str())), "{model}");
    server.answers_by(first).await;
    let rolled = server.models().roll_back_model(v1::RollBackModelRequest {}).await.expect("rolled back");
    let model = rolled.into_inner().model.expect("a model");
    assert_eq!((model.digest, model.serving), (second.to_string(), true), "twice leads back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_may_be_under_way_are_refused_and_health_and_metrics_still_answer() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 1);
    let server = Server::start_watchful(&exchange, home.path(), &["--calls-max", "1"]).await;
    server.serves().await;
    let waits = v1::PredictRequest {
        symbol: "BTCUSDT".into(),
        freshness: Some(v1::Freshness {
            min_bar_time_ms: i64::MAX / 2,
            wait_ms: 10_000,
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut client = server.predictions();
    // It may itself come while another call is under way.
    let waiting = tokio::spawn(async move {
        loop {
            match client.predict(waits.clone()).await {
                Err(status) if reason(&status) == "OVERLOADED" => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    });
    let began = Instant::now();
    let refused = loop {
        let request = v1::PredictRequest { symbol: "BTCUSDT".into(), ..Default::default() };
        match server.predictions().predict(request).await {
            Err(status) => break status,
            Ok(_) => assert!(began.elapsed() < PATIENCE, "the other call does not wait"),
        }
    };
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(reason(&refused), "OVERLOADED");
    assert!(refused.get_error_details().retry_info().is_some());
    let (status, body) = server.post("/predict/BTCUSDT", "").await;
    assert_eq!((status, body["reason"].as_str()), (503, Some("OVERLOADED")));
    assert_eq!(server.get("/health").await.0, 200);
    let health = server.health().check(HealthCheckRequest::default()).await;
    assert!(health.is_ok(), "{health:?}");
    assert!(server.metric("klinecast_shed_calls_total").await.is_some_and(|shed| shed >= 2.0));
    let waited = waiting.await.expect("no panic").expect_err("it never comes");
    assert_eq!(reason(&waited), "NOT_FRESH");
    let request = v1::PredictRequest { symbol: "BTCUSDT".into(), ..Default::default() };
    assert!(server.predictions().predict(request).await.is_ok(), "there is room again");
}

/// A prediction's id and volatility task by gRPC, and whether REST's has a root mean square.
async fn volatility(server: &Server) -> (String, v1::TaskPrediction, bool) {
    let request = v1::PredictRequest { symbol: "BTCUSDT".into(), ..Default::default() };
    let answer = server.predictions().predict(request).await.expect("an answer").into_inner();
    let prediction = answer.prediction.expect("a prediction");
    let name = Task::Volatility4Step.name();
    let (found, others): (Vec<_>, Vec<_>) = prediction.tasks.into_iter().partition(|task| task.task == name);
    assert!(others.iter().all(|task| task.root_mean_square.is_none()), "{others:?}");
    let (status, rest) = server.post("/predict/BTCUSDT", "").await;
    assert_eq!(status, 200, "{rest}");
    let [found] = found.try_into().expect("one");
    (prediction.id, found, rest["predictions"][name].get("root_mean_square").is_some())
}

/// Bundles of before there was one have none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bundles_with_and_without_a_model_of_the_squared_volatility_follow_each_other() {
    let exchange = exchange().await;
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(folder.path()).expect("a home");
    let (_, without) = publish_champion_of(&home, BundleBuilder { variance: None, ..small_bundle(1) });
    let server = Server::start_watchful(&exchange, folder.path(), &["--registry-poll-seconds", "3600"]).await;
    let mut ids = Vec::new();
    server.answers_by(without).await;
    let (id, task, by_rest) = volatility(&server).await;
    assert_eq!((task.root_mean_square, by_rest), (None, false));
    ids.push(id);

    let (_, with) = publish_champion(folder.path(), 2);
    server.signal("HUP");
    server.answers_by(with).await;
    let (id, task, by_rest) = volatility(&server).await;
    assert!(task.root_mean_square.is_some_and(|value| value.is_finite() && value > 0.0), "{task:?}");
    assert!(by_rest);
    ids.push(id);

    let (status, _) = server.post("/models/rollback", "").await;
    assert_eq!(status, 200);
    server.answers_by(without).await;
    let (id, task, by_rest) = volatility(&server).await;
    assert_eq!((task.root_mean_square, by_rest), (None, false));
    ids.push(id);
    for id in ids {
        let request = v1::ReplayPredictionRequest { id };
        let answer = JournalServiceClient::new(server.channel()).replay_prediction(request).await;
        let found = answer.expect("an answer").into_inner();
        assert_eq!(found.verdict(), v1::ReplayVerdict::Same, "{found:?}");
    }
}
