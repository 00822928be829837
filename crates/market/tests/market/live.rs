//! The live source against a scripted exchange.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use market::kline::{BarTime, Interval, Symbol};
use market::{ExchangeSettings, LiveSource, MarketEvent, RestClient};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::fake::{Answer, FakeExchange, START, STEP, frame, next, receive, send, short};

fn known(settings: &ExchangeSettings, steps: i64) -> BTreeMap<Symbol, BarTime> {
    let bar = BarTime::from_open(START + steps * STEP, Interval::M15).expect("on the grid");
    settings.symbols.iter().map(|symbol| (*symbol, bar)).collect()
}

fn spawn(settings: ExchangeSettings, steps: i64) -> (LiveSource, mpsc::Receiver<MarketEvent>) {
    let from = known(&settings, steps);
    let (sender, receiver) = mpsc::channel(64);
    let client = RestClient::new(&settings).expect("valid settings");
    (LiveSource::spawn(settings, client, &from, sender).expect("valid settings"), receiver)
}

async fn expect(events: &mut mpsc::Receiver<MarketEvent>, expected: &[&str]) {
    for expected in expected {
        let event = next(events).await;
        assert_eq!(short(&event), *expected, "{event:?}");
    }
}

#[tokio::test]
async fn it_connects_first_then_fetches_what_is_missing_and_follows_without_doubles() {
    let mut exchange = FakeExchange::start(START + 4 * STEP + 1).await;
    let (source, mut events) = spawn(exchange.settings(&["BTCUSDT", "ETHUSDT"]), 0);
    let mut socket = exchange.socket().await;
    expect(&mut events, &["BTCUSDT+1", "ETHUSDT+1", "BTCUSDT+2", "ETHUSDT+2", "BTCUSDT+3", "ETHUSDT+3"])
        .await;
    expect(&mut events, &["connected"]).await;
    let log = exchange.log();
    assert_eq!(log[0], "ws /stream?streams=btcusdt@kline_15m/ethusdt@kline_15m");
    assert!(log[1].starts_with("/api/v3/time"));
    for (name, bar, closed) in
        [("BTCUSDT", 3, true), ("BTCUSDT", 4, false), ("BTCUSDT", 4, true), ("BTCUSDT", 4, true)]
    {
        send(&mut socket, frame(name, START + bar * STEP, closed)).await;
    }
    send(&mut socket, Message::text("not json")).await;
    send(&mut socket, frame("ETHUSDT", START + 4 * STEP, true)).await;
    expect(&mut events, &["BTCUSDT~4", "BTCUSDT+4", "ETHUSDT+4"]).await;
    source.stop(Duration::from_secs(5)).await;
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn a_hole_and_a_missing_close_are_fetched() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let mut settings = exchange.settings(&["BTCUSDT", "ETHUSDT"]);
    settings.limits.overdue_close = Duration::from_millis(300);
    let (_source, mut events) = spawn(settings, 0);
    let mut socket = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
    // Bar 1 never closes on the socket, bar 2 does for one of the two.
    exchange.set(|state| state.now = START + 3 * STEP + 1);
    send(&mut socket, frame("BTCUSDT", START + 2 * STEP, true)).await;
    expect(&mut events, &["BTCUSDT+1", "ETHUSDT+1", "BTCUSDT+2", "ETHUSDT+2"]).await;
    // Bar 3 closes for one, the other's closing frame stays away, and REST does not have it either.
    exchange.set(|state| {
        state.now = START + 4 * STEP + 1;
        state.lost = vec![START + 3 * STEP];
    });
    send(&mut socket, frame("BTCUSDT", START + 3 * STEP, true)).await;
    expect(&mut events, &["BTCUSDT+3", "ETHUSDT-3..3"]).await;
}

#[tokio::test]
async fn after_a_cut_it_says_so_reconnects_and_fetches_what_it_missed() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let (_source, mut events) = spawn(exchange.settings(&["BTCUSDT"]), 0);
    let socket = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
    exchange.set(|state| state.now = START + 3 * STEP + 1);
    drop(socket);
    let MarketEvent::Reconnecting { attempt: 1, reason, .. } = next(&mut events).await else {
        panic!("expected the first try")
    };
    assert!(reason.contains("socket"), "{reason}");
    let _socket = exchange.socket().await;
    expect(&mut events, &["BTCUSDT+1", "BTCUSDT+2", "connected"]).await;
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload_and_a_shutdown_leads_away_at_once() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let (_source, mut events) = spawn(exchange.settings(&["BTCUSDT"]), 0);
    let mut socket = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
    send(&mut socket, Message::Ping("1700000000123".into())).await;
    assert_eq!(receive(&mut socket).await, Message::Pong("1700000000123".into()));
    send(&mut socket, Message::text(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#))
        .await;
    let event = next(&mut events).await;
    assert!(matches!(event, MarketEvent::Reconnecting { attempt: 1, wait: Duration::ZERO, .. }), "{event:?}");
    let _socket = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
}

#[tokio::test]
async fn a_silent_socket_is_given_up_and_a_quiet_one_asks_for_the_time() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let mut settings = exchange.settings(&["BTCUSDT"]);
    settings.limits.quiet_socket = Duration::from_millis(100);
    settings.limits.silent_socket = Duration::from_millis(1_500);
    let (_source, mut events) = spawn(settings, 0);
    let _silent = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
    let time = tokio::time::timeout(Duration::from_secs(5), events.recv()).await.expect("in time");
    assert_eq!(time, Some(MarketEvent::Time(START + STEP + 1)));
    let MarketEvent::Reconnecting { reason, .. } = next(&mut events).await else {
        panic!("expected to reconnect")
    };
    assert!(reason.contains("no message"), "{reason}");
    let _again = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
}

#[tokio::test]
async fn a_socket_that_only_pings_while_bars_close_is_renewed() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let mut settings = exchange.settings(&["BTCUSDT"]);
    settings.limits.quiet_socket = Duration::from_millis(100);
    settings.limits.overdue_close = Duration::from_millis(200);
    let (_source, mut events) = spawn(settings, 0);
    let _deaf = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
    exchange.set(|state| state.now = START + 2 * STEP + 1);
    expect(&mut events, &["BTCUSDT+1"]).await;
    let MarketEvent::Reconnecting { reason, .. } = next(&mut events).await else {
        panic!("expected to reconnect")
    };
    assert!(reason.contains("sends no klines"), "{reason}");
    let _again = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
}

#[tokio::test]
async fn an_exchange_that_is_down_at_the_start_is_tried_until_it_is_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("bound");
    drop(port);
    let exchange = FakeExchange::start(START).await;
    let mut settings = exchange.settings(&["BTCUSDT"]);
    (settings.rest_url, settings.websocket_url) = (format!("http://{address}"), format!("ws://{address}"));
    let (_source, mut events) = spawn(settings, 0);
    for expected in 1..=3 {
        let MarketEvent::Reconnecting { attempt, reason, .. } = next(&mut events).await else {
            panic!("expected to reconnect")
        };
        assert_eq!(attempt, expected);
        assert!(reason.contains("cannot be reached"), "{reason}");
    }
}

#[tokio::test]
async fn a_failing_rest_interface_holds_frames_back_only_for_a_while() {
    let mut exchange = FakeExchange::start(START + 2 * STEP + 1).await;
    let mut settings = exchange.settings(&["BTCUSDT"]);
    settings.limits.hold = Duration::from_millis(400);
    exchange.set(|state| state.script.extend((0..200).map(|_| Answer::status(500))));
    let (_source, mut events) = spawn(settings, 0);
    let mut socket = exchange.socket().await;
    send(&mut socket, frame("BTCUSDT", START + 2 * STEP, true)).await;
    let MarketEvent::Released { reason } = next(&mut events).await else { panic!("expected the release") };
    assert!(reason.contains("500"), "{reason}");
    expect(&mut events, &["BTCUSDT+2", "connected"]).await;
    // What was missed comes when the exchange answers again, after what came meanwhile.
    exchange.set(|state| state.script.clear());
    let MarketEvent::Late(klines) = next(&mut events).await else { panic!("expected what was missed") };
    let bars: Vec<i64> = klines.iter().map(|late| (late.kline.open_time - START) / STEP).collect();
    assert_eq!(bars, [1]);
}

#[tokio::test]
async fn with_two_sockets_one_may_break_and_nothing_is_held_back() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let mut settings = exchange.settings(&["BTCUSDT"]);
    settings.limits.lines = 2;
    let (_source, mut events) = spawn(settings, 0);
    let (mut one, other) = (exchange.socket().await, exchange.socket().await);
    expect(&mut events, &["connected"]).await;
    send(&mut one, frame("BTCUSDT", START + STEP, true)).await;
    expect(&mut events, &["BTCUSDT+1"]).await;
    let asked = exchange.log().iter().filter(|target| target.contains("/klines")).count();
    drop(other);
    let MarketEvent::Reconnecting { open_lines: 1, .. } = next(&mut events).await else {
        panic!("expected one of two to be down")
    };
    send(&mut one, frame("BTCUSDT", START + 2 * STEP, true)).await;
    expect(&mut events, &["BTCUSDT+2"]).await;
    let mut other = exchange.socket().await;
    // The double of the other socket is left out, what is new on it is not.
    send(&mut other, frame("BTCUSDT", START + 2 * STEP, true)).await;
    send(&mut other, frame("BTCUSDT", START + 3 * STEP, true)).await;
    expect(&mut events, &["BTCUSDT+3"]).await;
    assert_eq!(exchange.log().iter().filter(|target| target.contains("/klines")).count(), asked);
}

#[tokio::test]
async fn a_close_whose_trades_do_not_lead_to_the_next_bar_is_asked_for_again() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let (_source, mut events) = spawn(exchange.settings(&["BTCUSDT"]), 0);
    let mut socket = exchange.socket().await;
    expect(&mut events, &["connected"]).await;
    let text = frame("BTCUSDT", START + STEP, true).into_text().expect("text");
    let last = (START + STEP) / STEP * 3 + 2;
    // One trade and some volume are missing: it was not final.
    let early = text
        .replace(&format!(r#""L":{last}"#), &format!(r#""L":{}"#, last - 1))
        .replace(r#""v":"1""#, r#""v":"0.9""#);
    send(&mut socket, Message::text(early)).await;
    expect(&mut events, &["BTCUSDT+1"]).await;
    exchange.set(|state| state.now = START + 2 * STEP + 1_000);
    send(&mut socket, frame("BTCUSDT", START + 2 * STEP, false)).await;
    expect(&mut events, &["BTCUSDT~2"]).await;
    let MarketEvent::Late(klines) = next(&mut events).await else { panic!("expected the correction") };
    assert_eq!((klines.len(), klines[0].kline.volume), (1, 1.0));
}

#[tokio::test]
async fn many_symbols_are_subscribed_to_slowly_and_spread_over_connections() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let names: Vec<String> = (0..700).map(|number| format!("S{number:03}USDT")).collect();
    let mut settings = exchange.settings(&names.iter().map(String::as_str).collect::<Vec<_>>());
    settings.limits.streams_per_connection = 600;
    let (_source, mut events) = spawn(settings, 0);
    let (mut one, mut two) = (exchange.socket().await, exchange.socket().await);
    let asked = exchange
        .log()
        .iter()
        .filter(|target| target.starts_with("ws"))
        .map(|t| t.matches('@').count())
        .sum::<usize>();
    assert_eq!(asked, 200 + 100);
    let begun = Instant::now();
    let mut subscribed = 0;
    for _ in 0..2 {
        let message = tokio::select! {
            message = receive(&mut one) => message,
            message = receive(&mut two) => message,
        };
        subscribed += message.to_text().expect("text").matches('@').count();
    }
    assert_eq!(subscribed, 400);
    assert!(begun.elapsed() >= Duration::from_millis(200), "at most five messages a second");
    expect(&mut events, &["connected", "connected"]).await;
}

#[tokio::test]
async fn wrong_addresses_are_refused_at_once_and_an_absent_receiver_ends_the_source() {
    let mut exchange = FakeExchange::start(START + STEP + 1).await;
    let (sender, receiver) = mpsc::channel(1);
    let wrong = ExchangeSettings { websocket_url: "http://x".into(), ..exchange.settings(&["BTCUSDT"]) };
    let client = RestClient::new(&wrong).expect("a valid rest address");
    assert!(LiveSource::spawn(wrong, client, &BTreeMap::new(), sender).is_err());
    drop(receiver);
    let (mut source, events) = spawn(exchange.settings(&["BTCUSDT"]), 0);
    let _socket = exchange.socket().await;
    drop(events);
    tokio::time::timeout(Duration::from_secs(10), source.finished()).await.expect("it ends by itself");
}
