//! A small client and a small recorded market.

use std::collections::BTreeMap;
use std::time::Duration;

use exchange_sim::{Exchange, ExchangeConfig};
use futures::{SinkExt, StreamExt};
use kline::{Interval, Kline, KlineFields, Symbol};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const STEP: i64 = 900_000;
/// Opening of the first recorded bar: 2023-11-14 22:15 UTC.
pub(crate) const FIRST: i64 = 1_700_000_100_000;

/// Longer than anything here takes, so that a test that waits for nothing ends.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn symbol(name: &str) -> Symbol {
    name.parse().expect("a name")
}

/// Bars of two pairs, `bars` each; MATICUSDT's have only the columns that most archives have, and every seventh
/// bar of it is missing.
pub(crate) fn recording(bars: i64) -> BTreeMap<Symbol, Vec<Kline>> {
    let kline = |bar: i64, full: bool| {
        let open = 100.0 + (bar % 17) as f64 * 0.25;
        let close = 100.0 + ((bar + 1) % 17) as f64 * 0.25;
        let fields = KlineFields {
            open_time: FIRST + bar * STEP,
            close_time: FIRST + (bar + 1) * STEP - 1,
            open,
            high: open.max(close) + 0.5,
            low: open.min(close) - 0.75,
            close,
            volume: 12.5 + (bar % 5) as f64,
            quote_volume: full.then_some(1_260.0),
            trades: full.then_some(40),
            taker_base: full.then_some(6.25),
            taker_quote: full.then_some(630.0),
        };
        Kline::new(Interval::M15, fields).expect("valid by construction")
    };
    BTreeMap::from([
        (symbol("BTCUSDT"), (0..bars).map(|bar| kline(bar, true)).collect()),
        (symbol("MATICUSDT"), (0..bars).filter(|bar| bar % 7 != 6).map(|bar| kline(bar, false)).collect()),
    ])
}

pub(crate) async fn start(config: ExchangeConfig) -> Exchange {
    Exchange::start(config).await.expect("the exchange starts")
}

/// A REST answer: status, used weight, body. A request by hand keeps a client's conveniences out of the test.
pub(crate) async fn get(exchange: &Exchange, path: &str) -> (u16, Option<u32>, Value) {
    let url = exchange.rest_url();
    let address = url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.expect("a request sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let header = |line: &str| {
        Some(line.to_ascii_lowercase().strip_prefix("x-mbx-used-weight-1m: ")?.parse().expect("a number"))
    };
    (status, head.lines().find_map(header), serde_json::from_str(body).expect("JSON"))
}

/// A subscriber.
pub(crate) struct Subscriber(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Subscriber {
    pub(crate) async fn connect(exchange: &Exchange, path: &str) -> Self {
        let (socket, _) =
            connect_async(format!("{}{path}", exchange.websocket_url())).await.expect("a websocket");
        Self(socket)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("a living connection");
    }

    /// The next message of any kind.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time").and_then(Result::ok)
    }

    /// The next text message; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            match self.message().await? {
                Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
                Message::Close(_) => return None,
                _ => (),
            }
        }
    }
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_str().expect("a quoted decimal").parse().expect("a number")
}
