//! The REST client and the back-fill against a scripted exchange.

use std::time::{Duration, Instant};

use market::kline::{Interval, Symbol};
use market::{MarketError, RestClient, backfill};

use crate::fake::{Answer, FakeExchange, START, STEP};

const M15: Interval = Interval::M15;

fn client(exchange: &FakeExchange) -> RestClient {
    RestClient::new(&exchange.settings(&["BTCUSDT"])).expect("valid settings")
}

fn bitcoin() -> Symbol {
    "BTCUSDT".parse().expect("a symbol")
}

#[tokio::test]
async fn the_forming_kline_is_never_among_the_answers() {
    let exchange = FakeExchange::start(START + 3 * STEP + STEP / 2).await;
    let end = START + 1_000 * STEP;
    let klines = backfill(&client(&exchange), bitcoin(), M15, START, end, |_| ()).await.expect("an answer");
    assert_eq!(klines.iter().map(|kline| kline.open_time).max(), Some(START + 2 * STEP));
    assert_eq!(klines.len(), 3);
}

#[tokio::test]
async fn a_long_range_comes_in_pages_and_holes_stay_holes() {
    let exchange = FakeExchange::start(START + 10_000 * STEP).await;
    exchange.set(|state| state.lost = vec![START + 700 * STEP, START + 701 * STEP]);
    let client = client(&exchange);
    let mut seen = Vec::new();
    let to = START + 2_500 * STEP;
    let klines = backfill(&client, bitcoin(), M15, START, to, |progress| seen.push(progress.bars_done))
        .await
        .expect("all pages");
    assert_eq!(klines.len(), 2_498);
    assert!(klines.windows(2).all(|pair| pair[0].open_time < pair[1].open_time));
    assert_eq!(seen, [1_002, 2_002, 2_500]);
    let pages = exchange.log().iter().filter(|target| target.contains("/klines")).count();
    assert_eq!((pages, client.used_weight()), (3, 3 * 2 + 1));
}

#[tokio::test]
async fn a_limit_is_kept_for_as_long_as_the_exchange_asks() {
    let exchange = FakeExchange::start(START).await;
    let limited =
        |status| Answer { headers: vec![("Retry-After", "1".to_owned())], ..Answer::status(status) };
    exchange.set(|state| state.script.push_back(limited(429)));
    let client = client(&exchange);
    let refused = client.server_time().await;
    let wait = Duration::from_secs(1);
    assert_eq!(refused, Err(MarketError::RateLimited { status: 429, wait }));
    let begun = Instant::now();
    assert_eq!(client.server_time().await, Ok(START));
    assert!(begun.elapsed() > Duration::from_millis(900));
    exchange.set(|state| state.script.push_back(limited(418)));
    let banned = client.server_time().await;
    assert!(banned.is_err_and(|error| error.is_retryable() && error.to_string().contains("418")));
}

#[tokio::test]
async fn the_exchanges_own_count_of_weight_is_taken_over() {
    let exchange = FakeExchange::start(START).await;
    let counted = Answer {
        headers: vec![("X-MBX-USED-WEIGHT-1M", "5321".to_owned())],
        ..Answer::ok(r#"{"serverTime":5}"#.to_owned())
    };
    exchange.set(|state| state.script.push_back(counted));
    let client = client(&exchange);
    client.server_time().await.expect("an answer");
    assert_eq!(client.used_weight(), 5_321);
}

#[tokio::test]
async fn faults_that_pass_are_tried_again_and_others_are_told_at_once() {
    let exchange = FakeExchange::start(START + 10 * STEP).await;
    let client = client(&exchange);
    client.server_time().await.expect("an answer");
    exchange.set(|state| state.script.extend([Answer::status(500), Answer::status(503)]));
    let fetch = |client: RestClient| async move {
        backfill(&client, bitcoin(), M15, START, START + 2 * STEP, |_| ()).await
    };
    assert_eq!(fetch(client.clone()).await.map(|klines| klines.len()), Ok(2));

    let cases = [
        (
            Answer { body: r#"{"code":-1121,"msg":"Invalid symbol."}"#.into(), ..Answer::status(400) },
            "Invalid symbol",
        ),
        (Answer::status(451), "data-api.binance.vision"),
        (Answer { body: "<html>".into(), ..Answer::status(403) }, "refuses to serve this location"),
        (Answer::ok("[[1,2]]".into()), "row 1: the row has 2 columns"),
        (Answer::status(302), "302"),
    ];
    for (answer, part) in cases {
        let before = exchange.log().len();
        exchange.set(|state| state.script.push_back(answer));
        let error = fetch(client.clone()).await.expect_err(part);
        assert!(error.to_string().contains(part), "{part} in {error}");
        assert!(!error.is_retryable());
        assert_eq!(exchange.log().len(), before + 1, "{part}");
    }
    exchange.set(|state| state.script.extend((0..5).map(|_| Answer::status(500))));
    let error = fetch(client.clone()).await.expect_err("every try failed");
    assert!(matches!(error, MarketError::Server { status: 500, .. }));
}

#[tokio::test]
async fn an_exchange_that_is_down_is_named() {
    let exchange = FakeExchange::start(START).await;
    let settings = exchange.settings(&["BTCUSDT"]);
    drop(exchange);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = RestClient::new(&settings).expect("valid").server_time().await.expect_err("nobody listens");
    assert!(error.is_retryable() && error.to_string().contains(&settings.rest_url), "{error}");
}
