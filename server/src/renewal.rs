//! Bundles' bands, and how far their probabilities are believed, are renewed: what a bundle lacks is made before it is taken
//! up, and what each block of bars is answered with before the block begins, out of the way of answers. What is made is kept in the home and then served, never the other way
//! round, so that a restart, the audit of live answers and a replay have the same bits.

pub(crate) mod making;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use forecast::{
    Bundle, BundleDigest, Forecaster, RENEWAL_BLOCK_BARS, RENEWAL_LAG_BLOCKS, Renewed, Task, renewal_block,
};
use kline::{BarTime, Interval};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::engine_thread::Command;
use crate::reason::{Reason, Refusal};
use crate::state::Shared;
use crate::stores::Stores;
use crate::telemetry::metrics as names;
use crate::telemetry::scope;
use crate::unhurried::Haste;

/// How long after a failure it is tried again, and how often it is looked when nothing is answered.
const LOOK: Duration = Duration::from_secs(20);

/// Blocks that begin within so many bars are not made any more: their first bar might be answered without them.
const MARGIN_BARS: i64 = 8;

/// So many blocks are kept: what can be replayed and what is shown at once, with much to spare.
const KEPT_BLOCKS: i64 = 64;

/// A late or corrected kline of so many last bars is replayed.
const REPLAY_BARS: i64 = Forecaster::REPLAY_BARS as i64;

/// Makes what is renewed and keeps it.
#[derive(Debug, Clone)]
pub struct Renewer {
    /// Klines, and where it is kept.
    pub stores: Stores,
    /// The snapshots.
    pub shared: Arc<Shared>,
    /// The step.
    pub interval: Interval,
}

/// How far the renewal of the bundle that answers has come.
#[derive(Debug, Clone, Copy)]
struct Progress {
    bundle: BundleDigest,
    /// The last block that was tried.
    tried: i64,
    /// The last block that is ready.
    ready: Option<i64>,
}

impl Renewer {
    /// What to take a bundle up with: what is kept, and what that lacks. If it can't be made the bundle
    /// answers with what it ships, and the failure is counted.
    pub async fn before_take_up(&self, bundle: &Arc<Bundle>, haste: Haste) -> Renewed {
        let (this, bundle) = (self.clone(), Arc::clone(bundle));
        let work = scope::part("renewal", move || Ok(this.complete(&bundle, haste)));
        let made = tokio::task::spawn_blocking(work).await;
        made.unwrap_or_else(|error| Err(Refusal::new(Reason::Internal, error))).unwrap_or_else(|problem| {
            failed(&problem);
            Renewed::default()
        })
    }

    /// Makes what each block is answered with before it begins and tells the engine, until `stop`.
    pub async fn run(self, engine: mpsc::Sender<Command>, stop: CancellationToken) {
        names::count_bands_renewed(0);
        names::count_bands_failures(0);
        names::show_bands_ahead(0);
        let mut answers = self.shared.answers();
        let mut progress = None;
        let mut wait = Duration::ZERO;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look(&engine, &mut progress) => looked,
            };
            wait = match looked {
                Ok(()) => Duration::ZERO,
                Err(problem) => {
                    failed(&problem);
                    LOOK
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                // It never ends before the server does.
                _ = answers.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Makes what can be made by now for the bundle that answers.
    async fn look(
        &self,
        engine: &mpsc::Sender<Command>,
        progress: &mut Option<Progress>,
    ) -> Result<(), Refusal> {
        let bundle = self.shared.champion.load().bundle.clone();
        let watermark = self.shared.engine.load().watermark;
        let Some((bundle, watermark)) = bundle.zip(watermark) else { return Ok(()) };
        let (digest, until) = (bundle.digest(), last_final(watermark, self.interval));
        if progress.is_none_or(|known| known.bundle != digest || known.tried < until) {
            let this = self.clone();
            let work = scope::part("renewal", move || this.to_come(&bundle, until));
            let made = tokio::task::spawn_blocking(work).await;
            let made = made.unwrap_or_else(|error| Err(Refusal::new(Reason::Internal, error)));
            let (renewed, ready) = made?;
            if let Some(renewed) = renewed {
                // An engine that has ended asks for none.
                let _ = engine.send(Command::Renew { bundle: digest, renewed }).await;
            }
            *progress = Some(Progress { bundle: digest, tried: until, ready });
        }
        let next = renewal_block(watermark.plus(1, self.interval), self.interval);
        let ready = progress.and_then(|known| known.ready);
        names::show_bands_ahead(ready.map_or(0, |ready| (ready - next + 1).max(0)));
        Ok(())
    }

    /// What is kept of a bundle, with what it lacks for the bars that can be replayed and for the next ones. Blocks.
    fn complete(&self, bundle: &Bundle, haste: Haste) -> Renewed {
        let kept = self.stores.kept_renewed(bundle.digest(), self.interval).unwrap_or_else(|problem| {
            failed(&problem);
            None
        });
        let kept = kept.unwrap_or_default();
        let Some(watermark) = self.shared.engine.load().watermark else { return kept };
        let at = |bars: i64| renewal_block(watermark.plus(bars, self.interval), self.interval);
        if kept.has(at(0)) && kept.has(at(1)) {
            return kept;
        }
        let blocks = self.lacking(&kept, watermark);
        let made = self.make(bundle, blocks, &kept, haste, |made| made).unwrap_or_else(|problem| {
            failed(&problem);
            None
        });
        made.unwrap_or(kept)
    }

    /// Makes the blocks that the bundle which answers lacks and which have not begun; those that were kept with them if any
    /// was made, and the last block that is ready. Blocks.
    fn to_come(&self, bundle: &Bundle, until: i64) -> Result<(Option<Renewed>, Option<i64>), Refusal> {
        let last = |renewed: &Renewed| renewed.blocks().map(|blocks| *blocks.end());
        let began =
            |watermark: BarTime| renewal_block(watermark.plus(MARGIN_BARS, self.interval), self.interval);
        let watermark = || self.shared.engine.load().watermark;
        let (kept, is_damaged) = match self.stores.kept_renewed(bundle.digest(), self.interval) {
            Ok(kept) => (kept.unwrap_or_default(), false),
            // What is served stays; made again from the same klines it is the same.
            Err(problem) => {
                failed(&problem);
                (Renewed::default(), true)
            }
        };
        let Some(now) = watermark() else { return Ok((None, last(&kept))) };
        let from = *self.lacking(&kept, now).start();
        let from = if is_damaged { from } else { from.max(began(now) + 1) };
        let not_begun = |mut made: Renewed| {
            if !is_damaged && let Some(now) = watermark() {
                made.let_go_before(began(now) + 1);
            }
            made
        };
        let all = self.make(bundle, from..=until, &kept, Haste::Unhurried, not_begun)?;
        let ready = last(all.as_ref().unwrap_or(&kept));
        Ok((all, ready))
    }

    /// The blocks that are not kept, from those that can be replayed to the last that can be made. What lies between kept
    /// ones was served with what the bundle ships, and stays so.
    fn lacking(&self, kept: &Renewed, watermark: BarTime) -> RangeInclusive<i64> {
        let replayed = renewal_block(watermark.plus(-REPLAY_BARS, self.interval), self.interval);
        let from = kept.blocks().map_or(replayed, |blocks| replayed.max(blocks.end() + 1));
        from..=last_final(watermark, self.interval)
    }

    /// Makes blocks and keeps those that `choose` leaves; all that is kept then, or `None` if nothing was made.
    fn make(
        &self,
        bundle: &Bundle,
        blocks: RangeInclusive<i64>,
        kept: &Renewed,
        haste: Haste,
        choose: impl FnOnce(Renewed) -> Renewed,
    ) -> Result<Option<Renewed>, Refusal> {
        if bundle.manifest().interval != self.interval {
            // It will be refused.
            return Ok(None);
        }
        let Some(made) = making::from_store(&self.stores, bundle, blocks, haste)?.map(choose) else {
            return Ok(None);
        };
        let Some(new) = made.blocks() else { return Ok(None) };
        let mut all = kept.clone();
        all.extend(made);
        all.let_go_before(new.end() + 1 - KEPT_BLOCKS);
        self.stores.keep_renewed(bundle.digest(), self.interval, &all)?;
        let count = new.end() - new.start() + 1;
        names::count_bands_renewed(count);
        tracing::info!(bundle = %bundle.digest(), blocks = count, last_block = new.end(), "bands and confidence renewed");
        Ok(Some(all))
    }
}

fn failed(problem: &dyn std::fmt::Display) {
    names::count_bands_failures(1);
    tracing::error!(%problem, "bands and confidence were not renewed, it is tried again; until then answers have what was made before, or what the bundle ships");
}

/// The last block that no kline can change the renewal of any more, when this bar is the last closed one: what they are made of can't
/// be replayed.
fn last_final(watermark: BarTime, interval: Interval) -> i64 {
    let final_index = watermark.index(interval) - REPLAY_BARS;
    let outcomes = i64::from(Task::LONGEST_HORIZON_STEPS);
    (final_index + 1 - outcomes).div_euclid(RENEWAL_BLOCK_BARS) + RENEWAL_LAG_BLOCKS - 1
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
