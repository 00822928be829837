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

/// How many swaps.
const SWAPS: u64 = 7;

/// Registers another bundle, lets the server take it up, and compares the second around the swap with the second before.
pub(crate) async fn measure(server: &Server, home: &Path, measures: &mut Vec<Measure>) -> Result<()> {
    let symbol = symbols()?.first().context("a pair")?.to_string();
    let request = v1::PredictRequest { symbol, ..Default::default() }.encode_to_vec();
    let call = Call::new(server.addresses()?[0], "/klinecast.v1.PredictionService/Predict", request);
    let client = Client::new(Settings::at(&format!("http://{}", server.addresses()?[0])))?;
    let home = Home::open(home)?;
    let (mut ratios, mut took, mut failed) = (Vec::new(), Vec::new(), 0);
    for seed in 0..SWAPS {
        // To another bundle and back to the first one, which is as large as whoever measures wants it.
        let version = if seed % 2 == 0 {
            let bundle = Arc::new(tiny_bundle(100 + seed, &symbols()?, Interval::M15).build()?);
            let digest = home.objects().put_bundle(&bundle)?;
            home.registry().register(digest, &Default::default(), 0)?.version
        } else {
            1
        };
        let second = Duration::from_secs(1);
        let before = load::closed(&call, SHAPE, second).await?;
        let (found, swapped) = tokio::join!(load::closed_with_failures(&call, SHAPE, second), async {
            tokio::time::sleep(second / 3).await;
            let began = Instant::now();
            let alias = klinecast::wire::Alias::Champion;
            client.promote(version.into(), klinecast::wire::Stage::Production, alias).await?;
            Ok::<_, anyhow::Error>(began.elapsed())
        });
        let (found, swapped): (Found, Duration) = (found?, swapped?);
        ratios.push(found.microseconds(990) / before.microseconds(990));
        failed += found.failed;
        took.push(swapped.as_secs_f64() * 1e3);
    }
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let failed = failed as f64;
    measures.push(
        Measure::plain("failed calls in seven swaps under load", "calls", failed)
            .with_goal(Goal::AtMost(0.0)),
    );
    measures.push(
        Measure::plain("p99 in the swap's second against before", "ratio", median(ratios))
            .with_goal(Goal::AtMost(1.05)),
    );
    measures.push(Measure::plain("a swap, asked to done", "ms", median(took)));
    Ok(())
}
