//! Streams as browsers read them: server-sent events and a websocket.

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{PATIENCE, SYMBOLS, Server, exchange, publish_champion};

/// A server-sent event.
#[derive(Debug, Default)]
struct Event {
    id: String,
    name: String,
    data: String,
}

/// Reads events until so many of a name came.
async fn events(server: &Server, query: &str, last_id: Option<&str>, name: &str, count: usize) -> Vec<Event> {
    let mut request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .get(format!("{}/stream?{query}", server.http));
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    let response = request.send().await.expect("answered");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut body, mut text, mut read) = (response.bytes_stream(), String::new(), Vec::new());
    while read.len() < count {
        let chunk = tokio::time::timeout(PATIENCE, body.next()).await.expect("in time");
        text.push_str(std::str::from_utf8(&chunk.expect("no end").expect("no error")).expect("UTF-8"));
        while let Some((whole, rest)) = text.split_once("\n\n") {
            let mut event = Event::default();
            for line in whole.lines() {
                match line.split_once(": ") {
                    Some(("id", value)) => event.id = value.to_owned(),
                    Some(("event", value)) => event.name = value.to_owned(),
                    Some(("data", value)) => event.data.push_str(value),
                    _ => {}
                }
            }
            if event.name == name {
                read.push(event);
            }
            text = rest.to_owned();
        }
    }
    read.truncate(count);
    read
}

fn bar_and_symbol(data: &str) -> (i64, String) {
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert!(
        data["predictions"]["return_1step"]["ensemble"].is_number(),
        "the shape of POST /predict: {data}"
    );
    (data["bar_time"].as_i64().expect("a number"), data["symbol"].as_str().expect("a text").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_follow_and_go_on_where_they_were() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;

    let first =
        events(&server, "latest=true&tasks=return_1step", None, "prediction", 2 * SYMBOLS.len()).await;
    let last = first.last().expect("an event");
    let resumed = events(&server, "delivery=lossless", Some(&last.id), "prediction", SYMBOLS.len()).await;
    let mut keys: Vec<_> = first.iter().chain(&resumed).map(|event| bar_and_symbol(&event.data)).collect();
    let before = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), before, "none twice");
    let bars: Vec<i64> = keys.iter().filter(|(_, symbol)| symbol == "BTCUSDT").map(|(bar, _)| *bar).collect();
    assert!(bars.windows(2).all(|pair| pair[1] - pair[0] == 900_000), "none missing: {bars:?}");
    let filtered = events(&server, "symbols=btcusdt", None, "heartbeat", 1).await;
    let (status, body) = server.get("/stream?resume_token=nonsense").await;
    assert_eq!((status, body["reason"].as_str()), (400, Some("MALFORMED_REQUEST")));
    let (status, _) = server.get("/stream?delivery=never").await;
    assert_eq!(status, 400);

    // The websocket says the same, and goes on from a token of the other.
    let url =
        format!("{}/v1/ws?resume_token={}&delivery=lossless", server.http.replace("http", "ws"), last.id);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.expect("it connects");
    // Whatever it says is ignored.
    socket.send(Message::text("hello")).await.expect("sent");
    let mut heard = Vec::new();
    while heard.len() < SYMBOLS.len() {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
        let Message::Text(text) = message.expect("no end").expect("no error") else { continue };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        if message["event"] == "prediction" {
            assert!(message["sequence"].as_u64().is_some_and(|number| number > 0));
            heard.push(message["resume_token"].as_str().expect("a text").to_owned());
        }
    }
    assert_eq!(heard, resumed.iter().map(|event| event.id.clone()).collect::<Vec<_>>());
    assert!(!filtered[0].id.is_empty(), "a heartbeat moves the token on too");

    // A stop is told with a problem, a token and a close.
    let (status, ..) = server.terminate().await;
    assert!(status.success());
    let mut told = None;
    while let Some(Ok(message)) = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time") {
        match message {
            Message::Text(text) => told = serde_json::from_str::<Value>(&text).ok(),
            Message::Close(frame) => {
                assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1001));
                break;
            }
            _ => {}
        }
    }
    assert_eq!(told.as_ref().and_then(|told| told["data"]["reason"].as_str()), Some("DRAINING"), "{told:?}");
}
