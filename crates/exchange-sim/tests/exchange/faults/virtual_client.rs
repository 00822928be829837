//! A virtual exchange of three pairs, and a client with two connections that writes down what arrives.

use std::collections::BTreeMap;

use exchange_sim::{
    Answer, Delivered, Delivery, ExchangeConfig, FaultEntry, FaultKind, FaultPlan, LineId, VirtualExchange,
    synthetic,
};
use kline::{Interval, Kline, Symbol};
use serde_json::Value;

pub(crate) const STEP: i64 = 900_000;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;
/// 2025-06-01 00:00 UTC.
pub(crate) const START: i64 = ExchangeConfig::DEFAULT_START;
pub(crate) const PAIRS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
/// A final is on its way within this of its bar's end.
pub(crate) const USUAL: i64 = 60;
const STREAMS: &str = "/stream?streams=btcusdt@kline_15m/ethusdt@kline_15m/solusdt@kline_15m";

pub(crate) fn symbol(name: &str) -> Symbol {
    name.parse().expect("a name")
}

/// Three pairs of the synthetic market, a day before the start and `days` after it.
pub(crate) fn market(days: i64) -> BTreeMap<Symbol, Vec<Kline>> {
    let bars = usize::try_from((days + 1) * 96).expect("a number of days");
    let mut klines = synthetic::generate(7, Interval::M15, START - DAY, bars).expect("a valid start");
    klines.retain(|symbol, _| PAIRS.contains(&symbol.as_str()));
    klines
}

pub(crate) fn config(days: i64, forming_every: Option<i64>) -> ExchangeConfig {
    ExchangeConfig {
        forming_every,
        ping_interval: std::time::Duration::from_secs(600),
        ..ExchangeConfig::recorded(market(days), START)
    }
}

/// One kline frame that arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) at: i64,
    pub(crate) line: LineId,
    pub(crate) symbol: Symbol,
    pub(crate) event_time: i64,
    pub(crate) open_time: i64,
    pub(crate) closed: bool,
    pub(crate) close: f64,
    pub(crate) volume: f64,
}

impl Frame {
    /// The end of its bar.
    pub(crate) const fn boundary(&self) -> i64 {
        self.open_time + STEP
    }

    pub(crate) const fn key(&self) -> (LineId, Symbol, i64) {
        (self.line, self.symbol, self.open_time)
    }

    pub(crate) fn says(&self, kline: &Kline) -> bool {
        self.close.to_bits() == kline.close.to_bits() && self.volume.to_bits() == kline.volume.to_bits()
    }
}

/// The frame in a text; `None` for what is no kline frame.
pub(crate) fn frame(at: i64, line: LineId, text: &str) -> Option<Frame> {
    let value: Value = serde_json::from_str(text).ok()?;
    let kline = value["data"].get("k")?;
    let number = |name: &str| kline[name].as_str().and_then(|text| text.parse().ok());
    Some(Frame {
        at,
        line,
        symbol: kline["s"].as_str()?.parse().ok()?,
        event_time: value["data"]["E"].as_i64()?,
        open_time: kline["t"].as_i64()?,
        closed: kline["x"].as_bool()?,
        close: number("c")?,
        volume: number("v")?,
    })
}

/// A client that answers pings and connects again when a connection ends.
pub(crate) struct Client {
    pub(crate) exchange: VirtualExchange,
    pub(crate) lines: Vec<LineId>,
    pub(crate) arrived: Vec<Delivery>,
    seen: usize,
}

impl Client {
    pub(crate) fn new(plan: FaultPlan, days: i64, forming_every: Option<i64>) -> Self {
        let exchange =
            VirtualExchange::new(config(days, forming_every), plan).expect("a valid configuration");
        let mut client = Self { exchange, lines: Vec::new(), arrived: Vec::new(), seen: 0 };
        client.connect();
        client
    }

    /// One kind alone, a few times a day.
    pub(crate) fn of(kind: FaultKind, per_day: f64, days: i64, forming_every: Option<i64>) -> Self {
        Self::new(FaultPlan { seed: 11, kinds: vec![kind], per_day, until: None }, days, forming_every)
    }

    /// Brings the number of connections back to two, if the exchange lets it.
    fn connect(&mut self) {
        while self.lines.len() < 2 {
            let Ok(line) = self.exchange.connect(STREAMS) else {
                break;
            };
            self.lines.push(line);
        }
    }

    /// Lets the time pass until `to`, minute by minute.
    pub(crate) fn run_to(&mut self, to: i64) {
        while self.exchange.now() < to {
            let next = (self.exchange.now() + 60_000).min(to);
            self.exchange.advance(next, &mut self.arrived);
            for delivery in &self.arrived[self.seen..] {
                match &delivery.what {
                    Delivered::Text(_) => (),
                    Delivered::Ping => self.exchange.pong(delivery.line),
                    Delivered::Closed { .. } | Delivered::Reset => {
                        self.lines.retain(|line| *line != delivery.line);
                    }
                }
            }
            self.seen = self.arrived.len();
            self.connect();
        }
    }

    /// What has arrived so far was taken away.
    pub(crate) fn forget_seen(&mut self) {
        self.seen = self.arrived.len();
    }

    pub(crate) fn run_days(mut self, days: i64) -> Self {
        self.run_to(START + days * DAY);
        self
    }

    pub(crate) fn frames(&self) -> Vec<Frame> {
        let texts = self.arrived.iter().filter_map(|delivery| match &delivery.what {
            Delivered::Text(text) => frame(delivery.at, delivery.line, text),
            _ => None,
        });
        texts.collect()
    }

    pub(crate) fn finals(&self) -> Vec<Frame> {
        self.frames().into_iter().filter(|frame| frame.closed).collect()
    }

    /// The log, which is of this kind alone and not empty.
    pub(crate) fn log(&self, kind: FaultKind) -> Vec<FaultEntry> {
        let log = self.exchange.log().to_vec();
        assert!(!log.is_empty() && log.iter().all(|entry| entry.kind == kind && entry.start <= entry.end));
        log
    }

    pub(crate) fn truth(&self, symbol: Symbol, open_time: i64) -> Kline {
        let found = self.exchange.truth(symbol, open_time, open_time + 1);
        *found.first().expect("a closed bar of the tape")
    }

    pub(crate) fn get(&mut self, path: &str) -> Option<(u16, Value)> {
        let answer: Answer = self.exchange.request(path)?;
        Some((answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
    }

    /// A bar as REST answers it now: close and volume.
    pub(crate) fn row(&mut self, symbol: Symbol, open_time: i64) -> Option<(f64, f64)> {
        let path = format!("/api/v3/klines?symbol={symbol}&interval=15m&startTime={open_time}&limit=1");
        let (_, body) = self.get(&path)?;
        let row = body.get(0)?;
        let number = |at: usize| row[at].as_str().and_then(|text| text.parse().ok());
        (row[0].as_i64()? == open_time).then_some((number(4)?, number(5)?))
    }

    /// Goes on until REST answers, and compares every bar from the start to an hour ago with the truth.
    pub(crate) fn rest_is_right(&mut self) {
        let until = Interval::M15.floor(self.exchange.now());
        self.run_to(self.exchange.now() + HOUR);
        for name in PAIRS {
            let (truth, mut from) = (self.exchange.truth(symbol(name), START, until), START);
            let mut answered: Vec<(i64, String, String)> = Vec::new();
            for _ in 0..5_000 {
                let path = format!(
                    "/api/v3/klines?symbol={name}&interval=15m&startTime={from}&endTime={}&limit=1000",
                    until - 1
                );
                let rows = self.get(&path).and_then(|(_, body)| body.as_array().cloned());
                let milliseconds = |row: &Value| row[0].as_i64().is_some_and(|time| time < 10_000 * START);
                match rows {
                    Some(rows) if rows.is_empty() => break,
                    Some(rows) if rows.iter().all(milliseconds) && rows[0][0].as_i64() < Some(until) => {
                        let text = |row: &Value, at: usize| row[at].as_str().expect("a decimal").to_owned();
                        answered.extend(
                            rows.iter()
                                .map(|row| (row[0].as_i64().expect("a time"), text(row, 4), text(row, 5))),
                        );
                        from = answered.last().map_or(from, |row| row.0 + 1);
                    }
                    _ => self.run_to(self.exchange.now() + 60_000),
                }
            }
            let expected: Vec<(i64, String, String)> = truth
                .iter()
                .map(|kline| (kline.open_time, format!("{:.8}", kline.close), format!("{:.8}", kline.volume)))
                .collect();
            assert_eq!(answered, expected, "{name}");
        }
    }
}
