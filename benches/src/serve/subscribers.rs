//! Many subscribers: how long it takes until the last has a bar's answers, and what each costs in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::{Buf as _, Bytes, BytesMut};
use exchange_sim::ExchangeConfig;
use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use proto::v1;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::load::{self, Call};
use crate::clock::median;
use crate::household::{Server, exchange};
use crate::process::Pinned;
use crate::report::{Goal, Measure};

/// Subscribers on one connection; a connection may have 1,024 streams.
const A_CONNECTION: usize = 100;

/// How many bars are looked at.
const BARS: usize = 5;

/// The exchange's speed: a bar in nine seconds.
const SPEED: f64 = 100.0;

/// When the first and the last subscriber had all of a bar.
#[derive(Debug, Clone, Copy)]
struct Delivery {
    first: Instant,
    last: Instant,
    subscribers: usize,
}

/// Opens the subscriptions and waits for bars.
pub(crate) async fn measure(
    count: usize,
    binary: &Path,
    home: &Path,
    measures: &mut Vec<Measure>,
) -> Result<()> {
    let exchange = exchange(ExchangeConfig::DEFAULT_START + 86_400_000, SPEED).await?;
    let mut server = Server::start_pinned(binary, home, &exchange)?;
    let client = server.client().await?;
    server.predicts(&client, 0).await?;
    let process = Pinned::of(server.id());
    let before = process.memory_mb()?;
    let pairs = server.predicted(&client).await?;
    let request = v1::SubscribeRequest::default().encode_to_vec();
    let call = Call::new(server.addresses()?[0], "/klinecast.v1.PredictionService/Subscribe", request);
    let bars: Arc<Mutex<BTreeMap<i64, Delivery>>> = Arc::default();
    let open = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..count.div_ceil(A_CONNECTION) {
        let connection = load::connect(server.addresses()?[0]).await?;
        for _ in 0..A_CONNECTION.min(count) {
            let body = load::begin(&connection, &call).await?;
            open.fetch_add(1, Ordering::Relaxed);
            readers.spawn(read(body, pairs, bars.clone()));
        }
    }
    let open = open.load(Ordering::Relaxed);
    let began = Instant::now();
    let delivered = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let whole: Vec<Delivery> =
            bars.lock().await.values().filter(|bar| bar.subscribers == open).copied().collect();
        if whole.len() >= BARS {
            break whole;
        }
        if began.elapsed() > Duration::from_secs(180) {
            bail!(
                "{} bars reached all {open} subscribers in three minutes: {:?}",
                whole.len(),
                bars.lock().await
            );
        }
    };
    let after = process.memory_mb()?;
    readers.abort_all();
    let spread = delivered.iter().map(|bar| bar.last.duration_since(bar.first).as_secs_f64() * 1e3).collect();
    measures.push(
        Measure::plain(format!("{open} subscribers, first to last delivery"), "ms", median(spread))
            .with_goal(Goal::AtMost(200.0)),
    );
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let each = (after - before) * 1e3 / 1.024 / open as f64;
    measures.push(
        Measure::plain("memory of a subscriber that was told bars", "KiB", each)
            .with_goal(Goal::AtMost(20.0)),
    );
    Ok(())
}

/// Reads a subscription; notes when all pairs of a bar were there.
async fn read(
    mut body: h2::RecvStream,
    pairs: usize,
    bars: Arc<Mutex<BTreeMap<i64, Delivery>>>,
) -> Result<()> {
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let mut buffer = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let mut chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        if !buffer.is_empty() {
            buffer.extend_from_slice(&chunk);
            chunk = buffer.split().freeze();
        }
        while let Some(message) = message(&mut chunk)? {
            let Some(bar) = bar_time(message)? else { continue };
            let have = seen.entry(bar).or_default();
            *have += 1;
            if *have == pairs {
                let now = Instant::now();
                let mut bars = bars.lock().await;
                let delivery = bars.entry(bar).or_insert(Delivery { first: now, last: now, subscribers: 0 });
                delivery.last = now;
                delivery.subscribers += 1;
                seen.retain(|earlier, _| *earlier >= bar);
            }
        }
        buffer.extend_from_slice(&chunk);
    }
    Ok(())
}

/// Takes the first message if it is there as a whole.
fn message(bytes: &mut Bytes) -> Result<Option<Bytes>> {
    let Some(head) = bytes.get(1..5) else { return Ok(None) };
    let length = u32::from_be_bytes(head.try_into()?) as usize;
    if bytes.len() < 5 + length {
        return Ok(None);
    }
    bytes.advance(5);
    Ok(Some(bytes.split_to(length)))
}

/// The bar of an event that is a prediction: `SubscribeResponse.prediction.bar_time_ms`. The rest is not read, so that the
/// reader costs little.
fn bar_time(mut event: Bytes) -> Result<Option<i64>> {
    let (field, kind) = decode_key(&mut event)?;
    if (field, kind) != (1, WireType::LengthDelimited) {
        return Ok(None);
    }
    let length = usize::try_from(decode_varint(&mut event)?)?;
    event.truncate(length);
    while event.has_remaining() {
        let (field, kind) = decode_key(&mut event)?;
        if (field, kind) == (3, WireType::Varint) {
            return Ok(Some(decode_varint(&mut event)?.cast_signed()));
        }
        skip_field(kind, field, &mut event, DecodeContext::default())?;
    }
    bail!("a prediction without its bar")
}
