//! Drives a virtual exchange under every fault, as a simulation does: two connections, four pairs, no sockets.
//! Arguments: days (1000), milliseconds between forming klines (0 for none), episodes of each fault a day (1).
//!
//! `cargo run -p exchange-sim --example virtual_days -- 1000 0 1`

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use exchange_sim::{Delivered, ExchangeConfig, FaultPlan, LineId, VirtualExchange, synthetic};
use kline::{Interval, Milliseconds};

const PAIRS: [&str; 4] = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "POLUSDT"];
const STREAMS: &str =
    "/stream?streams=btcusdt@kline_15m/ethusdt@kline_15m/solusdt@kline_15m/polusdt@kline_15m";
const DAY: Milliseconds = 86_400_000;
/// A connection that has been silent for so long is given up.
const PATIENCE: Milliseconds = 7_200_000;

fn main() -> anyhow::Result<()> {
    let argument = |at: usize, usual: f64| -> anyhow::Result<f64> {
        Ok(std::env::args().nth(at).map(|text| text.parse()).transpose()?.unwrap_or(usual))
    };
    let (days, forming, per_day) = (argument(1, 1_000.0)?, argument(2, 0.0)?, argument(3, 1.0)?);
    #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
    let (days, forming) = (days as i64, forming as Milliseconds);
    let start = ExchangeConfig::DEFAULT_START;
    let bars = usize::try_from((days + 2) * 96)?;
    let mut klines = synthetic::generate(7, Interval::M15, start - DAY, bars)?;
    klines.retain(|symbol, _| PAIRS.contains(&symbol.as_str()));
    let config = ExchangeConfig {
        forming_every: (forming > 0).then_some(forming),
        ping_interval: Duration::from_secs(3_600),
        ..ExchangeConfig::recorded(klines, start)
    };
    let mut exchange = VirtualExchange::new(config, FaultPlan::all(3, per_day))?;
    let begun = Instant::now();
    let mut heard: BTreeMap<LineId, Milliseconds> = BTreeMap::new();
    let (mut deliveries, mut texts) = (Vec::new(), 0_u64);
    while exchange.now() < start + days * DAY {
        while heard.len() < 2
            && let Ok(line) = exchange.connect(STREAMS)
        {
            heard.insert(line, exchange.now());
        }
        exchange.advance(exchange.next_at(), &mut deliveries);
        for delivery in deliveries.drain(..) {
            heard.insert(delivery.line, delivery.at);
            match delivery.what {
                Delivered::Text(_) => texts += 1,
                Delivered::Ping => exchange.pong(delivery.line),
                Delivered::Closed { .. } | Delivered::Reset => {
                    heard.remove(&delivery.line);
                }
            }
        }
        let now = exchange.now();
        let silent = |line: &LineId| heard.get(line).is_some_and(|last| now - last > PATIENCE);
        let given_up: Vec<LineId> = heard.keys().copied().filter(silent).collect();
        for line in given_up {
            exchange.disconnect(line);
            heard.remove(&line);
        }
    }
    let (faults, took) = (exchange.log().len(), begun.elapsed());
    println!("{days} days: {texts} texts and {faults} faults in {took:.1?}");
    Ok(())
}
