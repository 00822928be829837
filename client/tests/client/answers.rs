//! What is asked for beyond the latest answer, and history.

use std::time::Duration;

use klinecast::{About, AsOfOptions, ClientError, Freshness, HistoryQuery, PredictOptions, wire};
use tonic::Code;

use crate::scripted::{Scripted, kept, prediction, refusal, script, serve};

#[tokio::test]
async fn a_fresh_answer_is_asked_for_as_wanted_and_the_deadline_grows_by_the_wait() {
    let scripted =
        Scripted { predictions: script(vec![Ok(prediction("BTCUSDT", 900))]), ..Default::default() };
    let (asked, timeouts) = (scripted.asked.clone(), scripted.timeouts.clone());
    let asked_batch = scripted.asked_batch.clone();
    let client = serve(scripted).await;
    let options = PredictOptions {
        tasks: vec!["return_1step".to_owned()],
        about: About::Fresh(Freshness {
            min_bar_time_ms: Some(899),
            max_staleness: Some(Duration::from_secs(90)),
            wait: Duration::from_secs(20),
        }),
        explain_top: 3,
    };
    client.predict_with("BTCUSDT", &options).await.expect("an answer");
    client.predict_batch_with(&["BTCUSDT".to_owned()], &options).await.expect("an answer");
    client.predict("BTCUSDT", &[]).await.expect("an answer");
    let nowcast = PredictOptions { about: About::Nowcast, ..Default::default() };
    client.predict_with("BTCUSDT", &nowcast).await.expect("an answer");

    let freshness = wire::Freshness { min_bar_time_ms: 899, max_staleness_ms: 90_000, wait_ms: 20_000 };
    let asked = kept(&asked);
    assert_eq!((asked[0].freshness, asked[0].explain_top, asked[0].nowcast), (Some(freshness), 3, false));
    assert_eq!(asked[0].tasks, ["return_1step"]);
    let plain = wire::PredictRequest { symbol: "BTCUSDT".to_owned(), ..Default::default() };
    assert_eq!(asked[1], plain, "the simple call asks for nothing else");
    assert_eq!(asked[2], wire::PredictRequest { nowcast: true, ..plain });
    let batch = &kept(&asked_batch)[0];
    assert_eq!((batch.freshness, batch.explain_top), (Some(freshness), 3));
    let patient = kept(&timeouts).iter().map(|timeout| timeout.as_secs_f64() > 5.0).collect::<Vec<_>>();
    assert_eq!(patient, [true, true, false, false]);
    assert!(kept(&timeouts)[0] > Duration::from_secs(20), "{:?}", kept(&timeouts));
}

#[tokio::test]
async fn an_answer_that_did_not_become_fresh_is_not_waited_for_again() {
    let stale = Err(refusal(Code::Unavailable, "NOT_FRESH"));
    let scripted =
        Scripted { predictions: script(vec![stale, Ok(prediction("BTCUSDT", 900))]), ..Default::default() };
    let asked = scripted.asked.clone();
    let freshness = Freshness { min_bar_time_ms: Some(1_800), ..Default::default() };
    let options = PredictOptions { about: About::Fresh(freshness), ..Default::default() };
    let error = serve(scripted).await.predict_with("BTCUSDT", &options).await.expect_err("too old");
    assert!(matches!(error, ClientError::Refused { reason, .. } if reason == "NOT_FRESH"));
    assert_eq!(kept(&asked).len(), 1);
}

#[tokio::test]
async fn what_was_said_at_a_moment_is_asked_for_by_symbol_and_time() {
    let scripted =
        Scripted { predictions: script(vec![Ok(prediction("BTCUSDT", 900))]), ..Default::default() };
    let asked = scripted.asked_as_of.clone();
    let options = AsOfOptions { first_revision: true, explain_top: 5, ..Default::default() };
    let said = serve(scripted).await.predict_as_of("BTCUSDT", 1_000, &options).await.expect("an answer");
    assert_eq!(said.bar_time_ms, 900);
    let expected = wire::PredictAsOfRequest {
        symbol: "BTCUSDT".to_owned(),
        at_ms: 1_000,
        first_revision: true,
        explain_top: 5,
        ..Default::default()
    };
    assert_eq!(kept(&asked), [expected]);
}

fn page(bars: &[i64], next_page_token: &str) -> wire::ListPredictionsResponse {
    let said = |bar: &i64| wire::JournalledPrediction {
        prediction: Some(prediction("BTCUSDT", *bar)),
        ..Default::default()
    };
    wire::ListPredictionsResponse {
        predictions: bars.iter().map(said).collect(),
        next_page_token: next_page_token.to_owned(),
    }
}

#[tokio::test]
async fn history_goes_on_over_refusals_and_empty_pages_to_the_last_page() {
    let busy = Err(refusal(Code::Unavailable, "BUSY"));
    let failed = Err(refusal(Code::Internal, "STORE_FAILED"));
    let pages = script(vec![
        Ok(page(&[900, 1_800], "a")),
        busy,
        Ok(page(&[], "b")),
        failed,
        Ok(page(&[2_700], "")),
        Ok(page(&[3_600], "never asked for")),
    ]);
    let scripted = Scripted { pages, ..Default::default() };
    let listed = scripted.listed.clone();
    let query = HistoryQuery {
        symbols: vec!["BTCUSDT".to_owned()],
        from_ms: Some(1),
        with_outcomes: true,
        page_size: 2,
        ..Default::default()
    };
    let mut history = serve(scripted).await.history(query);
    let mut read = Vec::new();
    let mut failures = 0;
    loop {
        match history.next().await {
            Ok(Some(said)) => read.push(said.prediction.expect("a prediction").bar_time_ms),
            Ok(None) => break,
            Err(error) => {
                assert!(matches!(&error, ClientError::Refused { reason, .. } if reason == "STORE_FAILED"));
                failures += 1;
            }
        }
    }
    assert_eq!((read, failures), (vec![900, 1_800, 2_700], 1));
    assert!(history.next().await.expect("it has ended").is_none());
    let listed = kept(&listed);
    let tokens: Vec<&str> = listed.iter().map(|request| request.page_token.as_str()).collect();
    assert_eq!(tokens, ["", "a", "a", "b", "b"]);
    assert!(
        listed.iter().all(|request| request.page_size == 2 && request.from_ms == 1 && request.with_outcomes)
    );
}

#[tokio::test]
async fn a_server_whose_pages_do_not_go_on_is_left() {
    let pages = script(vec![Ok(page(&[900], "a")), Ok(page(&[900], "a"))]);
    let mut history = serve(Scripted { pages, ..Default::default() }).await.history(HistoryQuery::default());
    assert!(history.next().await.expect("a first page").is_some());
    let error = history.next().await.expect_err("the same page again");
    assert!(matches!(error, ClientError::Incomplete { .. }), "{error}");
}
