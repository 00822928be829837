//! `Watch` against servers that break their streams, repeat themselves, lag and forget.

use klinecast::wire::subscribe_response::Event;
use klinecast::{ClientError, Delivery, Update, Watch, WatchOptions, wire};
use tonic::Status;

use crate::scripted::{Scripted, event, kept, prediction, refusal, script, serve};

fn told(sequence: u64, token: &str, symbol: &str, bar: i64) -> Result<wire::SubscribeResponse, Status> {
    event(sequence, token, Event::Prediction(prediction(symbol, bar)))
}

fn lagged(token: &str, dropped_count: u64) -> Result<wire::SubscribeResponse, Status> {
    event(0, token, Event::Lagged(wire::Lagged { dropped_count }))
}

fn torn() -> Result<wire::SubscribeResponse, Status> {
    Err(Status::unknown("torn"))
}

/// Reads until so many predictions were told; answers them, and what else was.
async fn read(watch: &mut Watch, count: usize) -> (Vec<(String, i64)>, Vec<Update>) {
    let (mut told, mut others) = (Vec::new(), Vec::new());
    while told.len() < count {
        match watch.next().await.expect("time mends it") {
            Update::Prediction(prediction) => told.push((prediction.symbol, prediction.bar_time_ms)),
            other => others.push(other),
        }
    }
    (told, others)
}

fn named<const N: usize>(names: [(&str, i64); N]) -> Vec<(String, i64)> {
    names.map(|(symbol, bar)| (symbol.to_owned(), bar)).into()
}

#[tokio::test]
async fn a_watch_goes_on_after_the_last_token_and_tells_each_prediction_once() {
    let heartbeat = event(0, "1.9", Event::Heartbeat(wire::Heartbeat { watermark_ms: 1_800 }));
    let subscriptions = script(vec![
        vec![told(0, "1.7", "ADAUSDT", 900), told(0, "1.7", "BTCUSDT", 900), torn()],
        // Nothing that stands in a journal was told: on from the bar.
        vec![
            told(0, "", "ADAUSDT", 900),
            told(0, "", "BTCUSDT", 900),
            told(8, "1.8", "ADAUSDT", 1_800),
            torn(),
        ],
        vec![told(9, "1.9", "BTCUSDT", 1_800), heartbeat, lagged("1.9", 3)],
        // A server that repeats itself.
        vec![told(9, "1.9", "BTCUSDT", 1_800), told(10, "1.10", "ADAUSDT", 2_700)],
        vec![],
    ]);
    let scripted = Scripted { subscriptions, ..Default::default() };
    let subscribed = scripted.subscribed.clone();
    let mut watch = serve(scripted).await.watch(&[], &[]);
    assert_eq!(watch.token(), None);
    let (told, others) = read(&mut watch, 5).await;
    let expected =
        [("ADAUSDT", 900), ("BTCUSDT", 900), ("ADAUSDT", 1_800), ("BTCUSDT", 1_800), ("ADAUSDT", 2_700)];
    assert_eq!(told, named(expected));
    assert_eq!((watch.token(), watch.sequence()), (Some("1.10"), 10));
    let breaks = others.iter().filter(|other| matches!(other, Update::Reconnecting { attempt: 1, .. }));
    assert_eq!(breaks.count(), 2);
    assert!(others.contains(&Update::Lagged { dropped_count: 3 }));
    assert!(others.contains(&Update::Heartbeat { watermark_ms: 1_800 }));
    let subscribed = kept(&subscribed);
    let begun: Vec<_> = subscribed
        .iter()
        .map(|request| (request.latest_first, request.after_bar_time_ms, request.resume_token.as_str()))
        .collect();
    assert_eq!(begun, [(true, 0, ""), (false, 899, ""), (false, 0, "1.8"), (false, 0, "1.9")]);
    assert!(subscribed.iter().all(|request| request.delivery() == wire::Delivery::Lossless));
}

#[tokio::test]
async fn a_reader_that_may_lose_something_stays_on_its_line_when_it_lags() {
    for (delivery, expected) in
        [(Delivery::Bounded, wire::Delivery::Bounded), (Delivery::Conflating, wire::Delivery::Conflating)]
    {
        let subscriptions = script(vec![
            vec![told(1, "1.1", "ADAUSDT", 900), lagged("1.1", 2), told(4, "1.4", "ADAUSDT", 3_600), torn()],
            vec![told(5, "1.5", "ADAUSDT", 4_500)],
        ]);
        let scripted = Scripted { subscriptions, ..Default::default() };
        let subscribed = scripted.subscribed.clone();
        let options = WatchOptions { delivery, nowcasts: true, ..Default::default() };
        let mut watch = serve(scripted).await.watch_with(options);
        let (told, others) = read(&mut watch, 3).await;
        assert_eq!(told, named([("ADAUSDT", 900), ("ADAUSDT", 3_600), ("ADAUSDT", 4_500)]));
        assert_eq!(others[0], Update::Lagged { dropped_count: 2 });
        let subscribed = kept(&subscribed);
        assert_eq!(subscribed.len(), 2);
        assert!(subscribed.iter().all(|request| request.delivery() == expected && request.nowcasts));
        assert_eq!(subscribed[1].resume_token, "1.4");
    }
}

#[tokio::test]
async fn what_the_journal_has_dropped_is_said_and_what_is_left_is_told() {
    let dropped = || vec![Err(refusal(tonic::Code::NotFound, "DROPPED"))];
    let subscriptions = script(vec![
        dropped(),
        vec![told(0, "", "ADAUSDT", 900), told(7, "1.7", "ADAUSDT", 1_800), torn()],
        dropped(),
        vec![told(0, "", "ADAUSDT", 1_800), told(0, "", "ADAUSDT", 9_000)],
    ]);
    let scripted = Scripted { subscriptions, ..Default::default() };
    let subscribed = scripted.subscribed.clone();
    let options = WatchOptions { token: Some("1.3".to_owned()), ..Default::default() };
    let mut watch = serve(scripted).await.watch_with(options);
    let (told, others) = read(&mut watch, 3).await;
    assert_eq!(told, named([("ADAUSDT", 900), ("ADAUSDT", 1_800), ("ADAUSDT", 9_000)]));
    let lost: Vec<i64> = others
        .iter()
        .filter_map(|other| match other {
            Update::NotRecovered { after_bar_time_ms, reason } if reason == "it is so" => {
                Some(*after_bar_time_ms)
            }
            _ => None,
        })
        .collect();
    assert_eq!(lost, [0, 1_800]);
    let begun: Vec<_> = kept(&subscribed)
        .into_iter()
        .map(|request| (request.latest_first, request.after_bar_time_ms, request.resume_token))
        .collect();
    let expected = [(false, 0, "1.3"), (false, 1, ""), (false, 0, "1.7"), (false, 1_799, "")];
    assert_eq!(begun, expected.map(|(latest, bar, token)| (latest, bar, token.to_owned())));
}

#[tokio::test]
async fn nowcasts_are_told_each_time_and_move_no_position() {
    let nowcast = |bar| {
        let nowcast = wire::Prediction { provisional: true, ..prediction("ADAUSDT", bar) };
        event(0, "", Event::Prediction(nowcast))
    };
    let subscriptions = script(vec![
        vec![told(1, "1.1", "ADAUSDT", 900), nowcast(1_800), nowcast(1_800), torn()],
        vec![told(2, "1.2", "ADAUSDT", 1_800)],
    ]);
    let scripted = Scripted { subscriptions, ..Default::default() };
    let subscribed = scripted.subscribed.clone();
    let mut watch = serve(scripted).await.watch_with(WatchOptions { nowcasts: true, ..Default::default() });
    let (told, _) = read(&mut watch, 3).await;
    assert_eq!(told, named([("ADAUSDT", 900), ("ADAUSDT", 1_800), ("ADAUSDT", 1_800)]));
    assert_eq!((watch.token(), watch.sequence()), (Some("1.1"), 0));
    read(&mut watch, 1).await;
    assert_eq!(kept(&subscribed)[1].resume_token, "1.1");
}

#[tokio::test]
async fn a_watch_of_what_is_not_served_or_from_a_token_that_is_none_ends() {
    for (code, reason) in
        [(tonic::Code::NotFound, "UNKNOWN_SYMBOL"), (tonic::Code::InvalidArgument, "MALFORMED_REQUEST")]
    {
        let subscriptions = script(vec![vec![Err(refusal(code, reason))]]);
        let options = WatchOptions { token: Some("none".to_owned()), ..Default::default() };
        let client = serve(Scripted { subscriptions, ..Default::default() }).await;
        let error = client.watch_with(options).next().await.expect_err("a final word");
        assert!(matches!(error, ClientError::Refused { reason: given, .. } if given == reason));
    }
}
