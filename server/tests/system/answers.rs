//! Answers that say what they are: as fresh as asked for, from the past, from a kline that is forming, with what moved them.

use std::time::Duration;

use features::Catalogue;
use forecast::Task;
use proto::v1;
use proto::v1::answer::Answer;
use serde_json::Value;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{PATIENCE, Server, exchange, publish_champion};
use crate::redis::Redis;

const BAR_MS: i64 = 900_000;

fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

fn fresh(min_bar_time_ms: i64, max_staleness_ms: i64, wait_ms: u32) -> v1::PredictRequest {
    v1::PredictRequest {
        symbol: "BTCUSDT".into(),
        freshness: Some(v1::Freshness { min_bar_time_ms, max_staleness_ms, wait_ms }),
        ..Default::default()
    }
}

async fn predict(server: &Server, request: v1::PredictRequest) -> Result<v1::Prediction, tonic::Status> {
    let answer = server.predictions().predict(request).await?;
    Ok(answer.into_inner().prediction.expect("a prediction"))
}

async fn a_bar_that_is_still_to_come_is_waited_for(server: &Server) {
    let latest = predict(server, fresh(0, 0, 0)).await.expect("answered");
    let next = latest.bar_time_ms + BAR_MS;
    let began = std::time::Instant::now();
    let answered = predict(server, fresh(next, 0, 30_000)).await.expect("it comes");
    assert!(answered.bar_time_ms >= next, "read your bar");
    assert!(began.elapsed() < PATIENCE);

    // What can't be had is refused: at once without a wait, after it with one, and before the call's own deadline.
    let never = latest.bar_time_ms + 100_000 * BAR_MS;
    let refused = predict(server, fresh(never, 0, 0)).await.expect_err("it did not close yet");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "NOT_FRESH"));
    assert!(refused.message().contains(&never.to_string()), "{refused}");
    let refused = predict(server, fresh(never, 0, 300)).await.expect_err("it did not close yet");
    assert_eq!(reason(&refused), "NOT_FRESH");
    let mut request = tonic::Request::new(fresh(never, 0, 60_000));
    request.set_timeout(Duration::from_millis(700));
    let refused = server.predictions().predict(request).await.expect_err("it did not close yet");
    assert_eq!(reason(&refused), "NOT_FRESH", "the reason and not DEADLINE_EXCEEDED: {refused}");
    let too_long = predict(server, fresh(never, 0, 60_001)).await.expect_err("too long a wait");
    assert_eq!((too_long.code(), reason(&too_long).as_str()), (Code::InvalidArgument, "MALFORMED_REQUEST"));

    // An answer is stale by up to a bar; to be no older than that can always be met, to be a millisecond old at most can not.
    assert!(predict(server, fresh(0, 2 * BAR_MS, 30_000)).await.is_ok());
    let (status, body) = server.post("/predict/BTCUSDT", r#"{"freshness": {"max_staleness_ms": -1}}"#).await;
    assert_eq!((status, body["reason"].as_str()), (400, Some("MALFORMED_REQUEST")));
    let body = format!(r#"{{"freshness": {{"min_bar_time": {never}}}}}"#);
    let (status, body) = server.post("/predict/BTCUSDT", &body).await;
    assert_eq!((status, body["reason"].as_str()), (503, Some("NOT_FRESH")));
    let batch = v1::PredictBatchRequest {
        symbols: vec!["BTCUSDT".into(), "NOSUCH".into()],
        freshness: Some(v1::Freshness { min_bar_time_ms: next, wait_ms: 30_000, ..Default::default() }),
        ..Default::default()
    };
    let items = server.predictions().predict_batch(batch).await.expect("answered").into_inner().items;
    assert!(
        matches!(&items[0].outcome, Some(v1::predict_batch_item::Outcome::Prediction(made)) if made.bar_time_ms >= next)
    );
    assert!(
        matches!(&items[1].outcome, Some(v1::predict_batch_item::Outcome::Problem(problem)) if problem.reason == "UNKNOWN_SYMBOL")
    );
}

async fn a_forming_kline_is_answered_provisionally(server: &Server) {
    let request = || v1::PredictRequest { symbol: "ETHUSDT".into(), nowcast: true, ..Default::default() };
    let began = std::time::Instant::now();
    let nowcast = loop {
        // Between two bars no kline is forming.
        match predict(server, request()).await {
            Ok(nowcast) => break nowcast,
            Err(status) => assert_eq!(reason(&status), "NO_NOWCAST", "{status}"),
        }
        assert!(began.elapsed() < PATIENCE, "no nowcast");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(nowcast.provisional);
    assert_eq!(nowcast.tasks.len(), Task::COUNT);
    let plain = v1::PredictRequest { symbol: "ETHUSDT".into(), ..Default::default() };
    let latest = predict(server, plain).await.expect("answered");
    assert!(!latest.provisional);
    assert!(nowcast.bar_time_ms >= latest.bar_time_ms, "about the bar that closes next");
    let both = v1::PredictRequest { freshness: fresh(1, 0, 0).freshness, ..request() };
    let refused = predict(server, both).await.expect_err("contradictory");
    assert_eq!(reason(&refused), "MALFORMED_REQUEST");
    // None of it is in the journal.
    let page = server.predictions().list_predictions(v1::ListPredictionsRequest::default()).await;
    let page = page.expect("a page").into_inner().predictions;
    assert!(page.iter().flat_map(|item| &item.prediction).all(|prediction| !prediction.provisional));
}

/// Every contribution is asked for, so that they can be added up.
async fn explanations_add_up_to_what_the_booster_says(server: &Server) {
    let count = Catalogue::standard().len();
    let request = v1::PredictRequest {
        symbol: "BNBUSDT".into(),
        explain_top: u32::try_from(count).expect("small"),
        ..Default::default()
    };
    let whole = predict(server, request.clone()).await.expect("explained");
    for task in &whole.tasks {
        let boosters: Vec<&str> = task.explanations.iter().map(|of| of.booster.as_str()).collect();
        assert_eq!(boosters, ["lightgbm", "xgboost"], "{}", task.task);
        for of in &task.explanations {
            assert_eq!((of.contributions.len(), of.rest), (count, 0.0));
            let sum: f64 = of.expected + of.contributions.iter().map(|one| one.contribution).sum::<f64>();
            let scale =
                of.contributions.iter().map(|one| one.contribution.abs()).sum::<f64>() + of.expected.abs();
            assert!(
                (sum - of.raw_score).abs() <= 1e-5 * scale.max(1e-9),
                "{} {sum} {}",
                task.task,
                of.raw_score
            );
            let sizes: Vec<f64> = of.contributions.iter().map(|one| one.contribution.abs()).collect();
            assert!(sizes.is_sorted_by(|a, b| a >= b), "largest first");
        }
    }
    // A few of them name the same numbers, and the rest is what is left out.
    let at = whole.bar_time_ms;
    let few = v1::PredictAsOfRequest {
        symbol: "BNBUSDT".into(),
        tasks: vec!["return_4step".into()],
        at_ms: at,
        explain_top: 3,
        ..Default::default()
    };
    let few = server.predictions().predict_as_of(few).await.expect("explained").into_inner().prediction;
    let few = few.expect("a prediction");
    if few.row_hash == whole.row_hash {
        let all = whole.tasks.iter().find(|task| task.task == "return_4step").expect("answered");
        for (few, all) in few.tasks[0].explanations.iter().zip(&all.explanations) {
            assert_eq!(few.contributions, all.contributions[..3]);
            let rest: f64 = all.contributions[3..].iter().map(|one| one.contribution).sum();
            assert!((few.rest - rest).abs() < 1e-9);
        }
    }
    let (status, body) =
        server.post("/predict/BNBUSDT", r#"{"explain_top": 2, "tasks": ["direction_4step"]}"#).await;
    let of = &body["predictions"]["direction_4step"]["explanations"]["xgboost"];
    assert_eq!(
        (status, of["class"].as_str(), of["contributions"].as_array().map(Vec::len)),
        (200, Some("up"), Some(2))
    );
    let refused =
        predict(server, v1::PredictRequest { explain_top: 513, ..request }).await.expect_err("too many");
    assert_eq!(reason(&refused), "MALFORMED_REQUEST");
}

async fn the_past_is_answered_from_the_journal(server: &Server) {
    // Until four bars and their first outcomes are in it.
    let began = std::time::Instant::now();
    let page = loop {
        let (status, page) = server.get("/predictions?symbols=BTCUSDT&outcomes=true&page_size=1000").await;
        assert_eq!(status, 200, "{page}");
        let list = page["predictions"].as_array().expect("a list").clone();
        let resolved = list.iter().filter(|made| made["outcomes"]["return_1step"].is_object()).count();
        if list.len() >= 6 && resolved >= 4 {
            break list;
        }
        assert!(began.elapsed() < PATIENCE, "{page}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let outcome = &page[0]["outcomes"]["return_1step"];
    let close = |index: usize| page[index]["close"].as_f64().expect("a number");
    assert_eq!(page[1]["bar_time"].as_i64(), page[0]["bar_time"].as_i64().map(|bar| bar + BAR_MS));
    assert_eq!(
        outcome["value"].as_f64(),
        Some(close(1) / close(0) - 1.0),
        "what came true is the next bar's return"
    );

    // Page by page it is the same.
    let mut token = String::new();
    let mut ids: Vec<Value> = Vec::new();
    let until = page.last().expect("a prediction")["bar_time"].as_i64().expect("a number");
    loop {
        let path = format!("/predictions?symbols=BTCUSDT&until={until}&page_size=2&page_token={token}");
        let (status, small) = server.get(&path).await;
        assert_eq!(status, 200, "{small}");
        ids.extend(small["predictions"].as_array().expect("a list").iter().map(|made| made["id"].clone()));
        match small["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids, page.iter().map(|made| made["id"].clone()).collect::<Vec<_>>());

    // As of a moment: the bar that had closed, not the one that closes with the next millisecond.
    let second = page[1]["bar_time"].as_i64().expect("a number");
    for (at, expected) in [(second, &page[1]), (second - 1, &page[0]), (second + BAR_MS - 1, &page[1])] {
        let (status, made) = server.get(&format!("/predictions/BTCUSDT/at/{at}")).await;
        assert_eq!((status, &made["id"]), (200, &expected["id"]));
        assert_eq!(made["staleness_ms"].as_i64(), made["bar_time"].as_i64().map(|bar| at - bar));
    }
    let (status, body) = server.get("/predictions/BTCUSDT/at/2001-01-01").await;
    assert_eq!((status, body["reason"].as_str()), (404, Some("NO_PREDICTION")));
    for path in [
        "/predictions?page_token=1.2.3",
        "/predictions?symbols=%00",
        "/predictions?bundle=xyz",
        "/predictions?from=soon",
        "/predictions/BTCUSDT/at/never",
        "/predictions/BTCUSDT/at/1?explain_top=9999",
    ] {
        let (status, body) = server.get(path).await;
        assert!(matches!(status, 400 | 404), "{path}: {status} {body}");
    }
    let by_symbol = v1::ListPredictionsRequest {
        symbols: vec!["ETHUSDT".into(), "BNBUSDT".into()],
        ..Default::default()
    };
    let listed = server.predictions().list_predictions(by_symbol).await.expect("a page").into_inner();
    let named: Vec<&str> = listed
        .predictions
        .iter()
        .flat_map(|item| &item.prediction)
        .map(|made| made.symbol.as_str())
        .collect();
    assert!(!named.is_empty() && named.iter().all(|name| *name != "BTCUSDT"));
    let value = listed.predictions[0].prediction.as_ref().and_then(|made| made.tasks[0].ensemble.clone());
    assert!(matches!(value.and_then(|answer| answer.answer), Some(Answer::Value(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_as_fresh_as_asked_for_and_the_past_is_there() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    a_bar_that_is_still_to_come_is_waited_for(&server).await;
    a_forming_kline_is_answered_provisionally(&server).await;
    explanations_add_up_to_what_the_booster_says(&server).await;
    the_past_is_answered_from_the_journal(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explanations_are_shared_over_redis_and_made_anew_without_it() {
    let mut redis = Redis::start().await;
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let _ = publish_champion(home.path(), 1);
    let url = redis.url();
    let flags = ["--redis-url", &url];
    let server = Server::start_watchful(&exchange, home.path(), &flags).await;
    server.serves().await;
    let request = v1::PredictRequest { symbol: "BTCUSDT".into(), explain_top: 4, ..Default::default() };
    let first = predict(&server, request).await.expect("explained");
    let looked = async |server: &Server, result: &str| {
        let line = format!("klinecast_explanation_lookups_total{{kept=\"redis\",result=\"{result}\"}}");
        server.metric(&line).await
    };
    assert_eq!(looked(&server, "miss").await, Some(1.0));
    let (status, _, log) = server.terminate().await;
    assert!(status.success(), "{log}");

    // Another process has made none yet, and says the same.
    let server = Server::start_watchful(&exchange, home.path(), &flags).await;
    server.serves().await;
    let then = |explain_top: u32| v1::PredictAsOfRequest {
        symbol: "BTCUSDT".into(),
        at_ms: first.bar_time_ms,
        first_revision: true,
        explain_top,
        ..Default::default()
    };
    let again = server.predictions().predict_as_of(then(4)).await.expect("explained").into_inner().prediction;
    let again = again.expect("a prediction");
    assert_eq!(again.row_hash, first.row_hash);
    for (again, first) in again.tasks.iter().zip(&first.tasks) {
        assert_eq!(again.explanations, first.explanations);
    }
    assert_eq!(looked(&server, "hit").await, Some(1.0));

    redis.kill();
    let request = v1::PredictRequest { symbol: "ETHUSDT".into(), explain_top: 1, ..Default::default() };
    let _ = predict(&server, request).await.expect("explained without it");
}
