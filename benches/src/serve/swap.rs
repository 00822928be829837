//! A swap of the bundle under load: nothing fails, and nobody waits longer.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use forecast::testkit::tiny_bundle;
use kline::Interval;
use klinecast::{Client, Settings};
use prost::Message as _;
use proto::v1;
use store::Home;

use super::load::{self, Call, Found, Shape};
use crate::clock::median;
use crate::household::{Server, symbols};
use crate::report::{Goal, Measure};

/// Calls of the load.
const SHAPE: Shape = Shape { connections: 4, in_flight: 4 };

const SECOND: Duration = Duration::from_secs(1);

/// How many swaps to a small bundle, and as many back to the bundle that is measured.
const SWAPS: u64 = 9;

/// Lets the server take up a small bundle and the first one again, in turn, and compares the calls meanwhile with those of
/// the second before.
pub(crate) async fn measure(server: &Server, home: &Path, measures: &mut Vec<Measure>) -> Result<()> {
    let symbol = symbols()?.first().context("a pair")?.to_string();
    let request = v1::PredictRequest { symbol, ..Default::default() }.encode_to_vec();
    let call = Call::new(server.addresses()?[0], "/klinecast.v1.PredictionService/Predict", request);
    let client = Client::new(Settings::at(&format!("http://{}", server.addresses()?[0])))?;
    let home = Home::open(home)?;
    let mut found = [Swaps::default(), Swaps::default()];
    for seed in 0..2 * SWAPS {
        let back = seed % 2 == 1;
        let version = if back {
            1
        } else {
            let bundle = Arc::new(tiny_bundle(100 + seed, &symbols()?, Interval::M15).build()?);
            let digest = home.objects().put_bundle(&bundle)?;
            home.registry().register(digest, &Default::default(), 0)?.version
        };
        let before = load::closed(&call, SHAPE, SECOND).await?;
        let (meanwhile, swapped) = while_swapping(&call, &client, version).await?;
        let swaps = &mut found[usize::from(back)];
        swaps.before.push(before.microseconds(990));
        swaps.during.push(meanwhile.microseconds(990));
        swaps.failed += meanwhile.failed;
        swaps.took.push(swapped.as_secs_f64() * 1e3);
    }
    for (swaps, bundle) in found.into_iter().zip(["a small bundle", "the bundle measured"]) {
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let failed = swaps.failed as f64;
        let name = format!("failed calls in {SWAPS} swaps to {bundle} under load");
        measures.push(Measure::plain(name, "calls", failed).with_goal(Goal::AtMost(0.0)));
        let ratio = median(swaps.during) / median(swaps.before);
        let name = format!("p99 during a swap to {bundle} against before");
        measures.push(Measure::plain(name, "ratio", ratio).with_goal(Goal::AtMost(1.05)));
        measures.push(Measure::plain(format!("a swap to {bundle}, asked to done"), "ms", median(swaps.took)));
    }
    Ok(())
}

/// Swaps to one kind of bundle.
#[derive(Debug, Default)]
struct Swaps {
    /// The p99 of the second before each, and from when it was asked until it was done, in microseconds.
    before: Vec<f64>,
    during: Vec<f64>,
    /// Milliseconds.
    took: Vec<f64>,
    failed: usize,
}

/// Loads until a swap is done, a second at least: its calls, and what the swap took.
async fn while_swapping(call: &Call, client: &Client, version: u32) -> Result<(Found, Duration)> {
    let client = client.clone();
    let swap = tokio::spawn(async move {
        tokio::time::sleep(SECOND / 3).await;
        let began = Instant::now();
        let alias = klinecast::wire::Alias::Champion;
        client.promote(version.into(), klinecast::wire::Stage::Production, alias).await?;
        Ok::<_, anyhow::Error>(began.elapsed())
    });
    let mut all = load::closed_with_failures(call, SHAPE, SECOND).await?;
    while !swap.is_finished() {
        let more = load::closed_with_failures(call, SHAPE, SECOND).await?;
        all.latencies.append(more.latencies);
        all.failed += more.failed;
    }
    all.latencies.sort();
    Ok((all, swap.await??))
}
