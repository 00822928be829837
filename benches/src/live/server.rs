//! From the exchange to a subscriber through the real server: threads, journal and wire included. The bench follows the same
//! exchange itself; the time counts from when it has the last pair's closing frame, too, to when it has the last prediction
//! of that bar.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use exchange_sim::ExchangeConfig;
use futures::StreamExt as _;
use kline::Interval;
use klinecast::Update;
use market::binance::frame::{Frame, decode};
use market::binance::stream::combined_address;
use tokio::sync::mpsc;

use crate::household::{Server, exchange, home, symbols};
use crate::latencies::Latencies;
use crate::report::{Goal, Measure};

/// Bars that are measured, and the exchange's speed: one bar a second.
const BARS: usize = 60;
const SPEED: f64 = 900.0;

/// Runs the exchange and the server for a minute.
pub(super) async fn measure(binary: &Path, bundle: Option<&Path>) -> Result<Vec<Measure>> {
    let home = home(bundle)?;
    let exchange = exchange(ExchangeConfig::DEFAULT_START, SPEED).await?;
    let mut server = Server::start(binary, home.path(), &exchange)?;
    let client = server.client().await?;
    server.predicts(&client, 0).await?;
    let pairs = symbols()?.len();
    let (closes, mut closed) = mpsc::unbounded_channel();
    let following = tokio::spawn(follow(exchange.websocket_url(), pairs, closes));
    let mut watch = client.watch(&[], &[]);
    let mut latencies = Latencies::default();
    let mut made = std::collections::BTreeMap::<i64, (usize, Instant)>::new();
    let mut ends = std::collections::BTreeMap::<i64, Instant>::new();
    while latencies.count() < BARS {
        tokio::select! {
            update = watch.next() => {
                if let Update::Prediction(prediction) = update? && prediction.revision == 1 {
                    let entry = made.entry(prediction.bar_time_ms).or_insert((0, Instant::now()));
                    *entry = (entry.0 + 1, Instant::now());
                }
            }
            Some((bar, at)) = closed.recv() => {
                ends.insert(bar, at);
            }
            () = tokio::time::sleep(Duration::from_secs(30)) => anyhow::bail!("no bar closes any more"),
        }
        let whole: Vec<i64> = made
            .iter()
            .filter(|(bar, (count, _))| *count == pairs && ends.contains_key(bar))
            .map(|(bar, _)| *bar)
            .collect();
        for bar in whole {
            if let (Some((_, last)), Some(end)) = (made.remove(&bar), ends.remove(&bar)) {
                latencies.push(last.saturating_duration_since(end));
            }
        }
    }
    following.abort();
    exchange.shutdown().await;
    let mut sorted = Latencies::default();
    sorted.append(latencies);
    sorted.sort();
    let milliseconds =
        |per_mille| sorted.quantile(per_mille).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3);
    Ok(vec![
        Measure::plain("last frame to a subscriber, p50", "ms", milliseconds(500)),
        Measure::plain("the same, p99", "ms", milliseconds(990)).with_goal(Goal::AtMost(1.0)),
    ])
}

/// Tells when the last of so many pairs has closed each bar.
async fn follow(address: String, pairs: usize, closes: mpsc::UnboundedSender<(i64, Instant)>) -> Result<()> {
    let address = combined_address(&address, &symbols()?, Interval::M15);
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.context("no socket")?;
    let mut seen = std::collections::BTreeMap::<i64, usize>::new();
    while let Some(message) = socket.next().await {
        let message = message?;
        let Ok(text) = message.to_text() else { continue };
        let now = Instant::now();
        if let Ok(Frame::Kline(frame)) = decode(text.as_bytes(), Interval::M15)
            && frame.closed
        {
            let count = seen.entry(frame.kline.close_time).or_default();
            *count += 1;
            if *count == pairs && closes.send((frame.kline.close_time, now)).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
