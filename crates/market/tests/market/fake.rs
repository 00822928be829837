//! A scripted exchange on loopback, for what no healthy exchange does on demand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use market::backoff::BackoffPolicy;
use market::kline::{Interval, Symbol};
use market::{ExchangeSettings, MarketEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(crate) const STEP: i64 = 900_000;
/// A bar opening far from the epoch.
pub(crate) const START: i64 = 1_700_000_100_000;

/// What a REST request is answered with.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn ok(body: String) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }
}

pub(crate) struct State {
    pub(crate) now: i64,
    /// Bars that REST does not have, by open time.
    pub(crate) lost: Vec<i64>,
    /// Answers to be given instead of the usual one, first in first out.
    pub(crate) script: VecDeque<Answer>,
    /// Everything that was asked for, sockets as `ws ...`.
    pub(crate) log: Vec<String>,
    /// Close prices begin here; another value makes corrected klines.
    pub(crate) price: f64,
}

pub(crate) type Socket = WebSocketStream<TcpStream>;

pub(crate) struct FakeExchange {
    pub(crate) address: String,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) sockets: mpsc::Receiver<Socket>,
    accepting: JoinHandle<()>,
}

impl Drop for FakeExchange {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl FakeExchange {
    pub(crate) async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (script, log) = (VecDeque::new(), Vec::new());
        let state = Arc::new(Mutex::new(State { now, lost: Vec::new(), script, log, price: 2.0 }));
        let (accepted, sockets) = mpsc::channel(8);
        let shared = state.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone(), accepted.clone()));
            }
        });
        Self { address, state, sockets, accepting }
    }

    pub(crate) fn settings(&self, symbols: &[&str]) -> ExchangeSettings {
        let symbols: Vec<Symbol> = symbols.iter().map(|name| name.parse().expect("a symbol")).collect();
        let (rest, websocket) = (format!("http://{}", self.address), format!("ws://{}", self.address));
        let mut settings = ExchangeSettings::at(&rest, &websocket, symbols, Interval::M15);
        (settings.limits.lines, settings.limits.audit_bars) = (1, 0);
        settings.limits.backoff = BackoffPolicy {
            first: Duration::from_millis(20),
            longest: Duration::from_millis(200),
            jitter: 0.5,
        };
        settings
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("not poisoned"));
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.state.lock().expect("not poisoned").log.clone()
    }

    pub(crate) async fn socket(&mut self) -> Socket {
        let waiting = tokio::time::timeout(Duration::from_secs(10), self.sockets.recv());
        waiting.await.expect("a connection in time").expect("still listening")
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>, accepted: mpsc::Sender<Socket>) {
    let mut head = vec![0; 65_536];
    let read = loop {
        match stream.peek(&mut head).await {
            Ok(0) | Err(_) => return,
            Ok(read) if head[..read].windows(4).any(|part| part == b"\r\n\r\n") => break read,
            Ok(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    let text = String::from_utf8_lossy(&head[..read]).into_owned();
    let target = text.split(' ').nth(1).unwrap_or_default().to_owned();
    if text.to_ascii_lowercase().contains("upgrade: websocket") {
        state.lock().expect("not poisoned").log.push(format!("ws {target}"));
        if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
            let _ = accepted.send(socket).await;
        }
        return;
    }
    stream.read_exact(&mut head[..read]).await.expect("peeked before");
    let answer = respond(&target, &mut state.lock().expect("not poisoned"));
    let mut reply = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in answer.headers {
        reply += &format!("{name}: {value}\r\n");
    }
    reply += "connection: close\r\n\r\n";
    reply += &answer.body;
    let _ = stream.write_all(reply.as_bytes()).await;
}

fn respond(target: &str, state: &mut State) -> Answer {
    state.log.push(target.to_owned());
    if let Some(answer) = state.script.pop_front() {
        return answer;
    }
    if target.starts_with("/api/v3/time") {
        return Answer::ok(format!(r#"{{"serverTime":{}}}"#, state.now));
    }
    let number = |name: &str| -> i64 {
        let rest = target.split_once(&format!("{name}=")).expect("the parameter").1;
        rest.split('&').next().expect("a value").parse().expect("a number")
    };
    let (from, to, limit) = (number("startTime"), number("endTime"), number("limit"));
    // As the real one: the forming kline is there too.
    let opens = (0..).map(|step| from + step * STEP).take_while(|open| *open <= to && *open < state.now);
    let rows: Vec<String> = opens
        .filter(|open| !state.lost.contains(open))
        .take(usize::try_from(limit).expect("small"))
        .map(|open| rest_row(open, state.price))
        .collect();
    Answer::ok(format!("[{}]", rows.join(",")))
}

fn rest_row(open: i64, price: f64) -> String {
    let close = open + STEP - 1;
    format!(r#"[{open},"{price}","{price}","{price}","{price}","1",{close},"2",3,"0.5","1","0"]"#)
}

/// A kline frame of a combined stream, with the values of the REST row when closed.
pub(crate) fn frame(symbol: &str, open: i64, closed: bool) -> Message {
    let (first, last) = (open / STEP * 3, open / STEP * 3 + 2);
    let event_time = if closed { open + STEP + 5 } else { open + STEP / 2 };
    let (stream, close) = (symbol.to_lowercase(), open + STEP - 1);
    Message::text(format!(
        r#"{{"stream":"{stream}@kline_15m","data":{{"e":"kline","E":{event_time},"s":"{symbol}","k":{{"t":{open},"T":{close},"s":"{symbol}","i":"15m","f":{first},"L":{last},"o":"2","c":"2","h":"2","l":"2","v":"1","n":3,"x":{closed},"q":"2","V":"0.5","Q":"1","B":"0"}}}}}}"#
    ))
}

pub(crate) async fn send(socket: &mut Socket, message: Message) {
    socket.send(message).await.expect("the client reads");
}

/// The next message that the client sends, within ten seconds.
pub(crate) async fn receive(socket: &mut Socket) -> Message {
    let waiting = tokio::time::timeout(Duration::from_secs(10), socket.next());
    waiting.await.expect("a message in time").expect("still open").expect("well-formed")
}

/// The next event but time and progress, within ten seconds.
pub(crate) async fn next(events: &mut mpsc::Receiver<MarketEvent>) -> MarketEvent {
    loop {
        let waiting = tokio::time::timeout(Duration::from_secs(10), events.recv());
        match waiting.await.expect("an event in time").expect("the source lives") {
            MarketEvent::Time(_) | MarketEvent::BackfillProgress(_) | MarketEvent::Opened { .. } => {}
            event => return event,
        }
    }
}

/// In short: `BTCUSDT+3` a closed kline of the bar `START + 3 steps`, `~3` a forming one.
pub(crate) fn short(event: &MarketEvent) -> String {
    match event {
        MarketEvent::Kline(k) => {
            let sign = if k.closed { '+' } else { '~' };
            format!("{}{sign}{}", k.symbol, (k.kline.open_time - START) / STEP)
        }
        MarketEvent::Gap { symbol, from, to } => {
            let bar = |bar: &market::kline::BarTime| (bar.open_time(Interval::M15) - START) / STEP;
            format!("{symbol}-{}..{}", bar(from), bar(to))
        }
        MarketEvent::Connected => "connected".to_owned(),
        MarketEvent::Reconnecting { .. } => "reconnecting".to_owned(),
        other => format!("{other:?}"),
    }
}
