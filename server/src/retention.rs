//! What the journal need not keep for ever: once a day of the exchange, and at the start, whole days that are older than was
//! asked for are dropped from the journal's start.

use std::sync::Arc;
use std::time::Duration;

use forecast::score::{DAY_MS, day_of};
use forecast::{Forecaster, Task};
use jiff::Timestamp;
use kline::{BarTime, Interval};
use store::{Home, JournalQuery, StoreError};
use tokio_util::sync::CancellationToken;

use crate::dropped::DroppedView;
use crate::state::Shared;
use crate::telemetry::metrics as names;

/// How often the exchange's day is looked at.
const LOOK: Duration = Duration::from_secs(20);

/// Records dropped in one transaction: so long, some milliseconds, may the journal's thread wait.
const RECORDS_AT_ONCE: u32 = 500;

/// What the journal's thread has for itself between two of them.
const PAUSE: Duration = Duration::from_millis(10);

/// The task that drops.
#[derive(Debug)]
pub struct Retention {
    /// The store, for itself.
    pub home: Home,
    /// The snapshots.
    pub shared: Arc<Shared>,
    /// The step.
    pub interval: Interval,
    /// So many whole days before the newest one are kept; 0 keeps all.
    pub keep_days: u32,
    /// Whether what was not exported is dropped too.
    pub drop_unexported: bool,
}

/// What one look at the journal did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pass {
    /// Records that were dropped.
    records: usize,
    /// The first day that is kept because it is not exported, though it is old enough.
    held_back: Option<i64>,
}

impl Retention {
    /// Drops until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        // The first answers come first.
        tokio::select! {
            () = stop.cancelled() => return,
            () = self.shared.champion_looked_for.cancelled() => {}
        }
        let this = Arc::new(self);
        let mut done = None;
        loop {
            let day = this.shared.exchange_time().div_euclid(DAY_MS);
            if done != Some(day) {
                let (of_work, stop) = (Arc::clone(&this), stop.clone());
                let passed = tokio::task::spawn_blocking(move || of_work.pass(&stop)).await;
                match passed {
                    Ok(Ok(pass)) => {
                        this.tell(pass);
                        done = Some(day);
                    }
                    Ok(Err(error)) => tracing::error!(%error, "the journal's retention failed, trying again"),
                    Err(error) => tracing::error!(%error, "the journal's retention failed, trying again"),
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn tell(&self, pass: Pass) {
        if pass.records > 0 {
            tracing::info!(records = pass.records, "old records of the journal were dropped");
        }
        if let Some(day) = pass.held_back {
            tracing::warn!(
                day = Timestamp::from_millisecond(day * DAY_MS)
                    .map_or_else(|_| day.to_string(), |time| time.strftime("%Y-%m-%d").to_string()),
                "the journal from this day on is old enough to be dropped but not exported; run `klinecast-trainer journal export`, or set journal.drop_unexported"
            );
        }
    }

    /// Drops what may be dropped, batch by batch.
    fn pass(&self, stop: &CancellationToken) -> Result<Pass, StoreError> {
        let mut pass = Pass::default();
        if let Some(day) = self.first_kept_day()? {
            let kept = if self.drop_unexported { day } else { self.exported_until(day)? };
            pass.held_back = (kept < day).then_some(kept);
            let before = kept * DAY_MS;
            while !stop.is_cancelled() {
                let dropped = self.home.retention().drop_before(before, RECORDS_AT_ONCE)?;
                names::count_dropped(dropped);
                pass.records += dropped;
                if dropped > 0 {
                    // From now on those who ask are told why it is not there.
                    self.shared.dropped.store(DroppedView::read(&self.home)?.map(Arc::new));
                }
                if dropped < RECORDS_AT_ONCE as usize {
                    break;
                }
                std::thread::sleep(PAUSE);
            }
        }
        let oldest =
            self.home.journal().predictions(&JournalQuery { limit: Some(1), ..JournalQuery::default() })?;
        if let Some(oldest) = oldest.first() {
            names::show_oldest_record(oldest.bar_time);
        }
        Ok(pass)
    }

    /// The first day that is to be kept, by the age that was asked for and by what a restart reads again; `None` keeps all.
    fn first_kept_day(&self) -> Result<Option<i64>, StoreError> {
        if self.keep_days == 0 {
            return Ok(None);
        }
        let Some(last) = self.home.journal().last_predicted_bar(self.interval)? else { return Ok(None) };
        Ok(Some((day_of(last) - i64::from(self.keep_days)).min(needed_from(last, self.interval))))
    }

    /// The first day before `day` that has a record which is not exported; else `day`.
    fn exported_until(&self, day: i64) -> Result<i64, StoreError> {
        let journal = self.home.retention();
        let exported = journal.exported()?.map_or(0, |exported| exported.last.number);
        let days = journal.days(0, day * DAY_MS)?;
        let behind = days.iter().find(|of| of.last_prediction.max(of.last_outcome) > exported);
        Ok(behind.map_or(day, |of| of.day))
    }
}

/// The first day that the next start may ask for: predictions that it may amend, and those whose outcomes are open.
fn needed_from(last: BarTime, interval: Interval) -> i64 {
    let bars = i64::try_from(Forecaster::REPLAY_BARS).unwrap_or(i64::MAX / 2);
    day_of(last.plus(-(bars + i64::from(Task::LONGEST_HORIZON_STEPS)), interval))
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
