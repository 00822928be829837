//! When to run next: a pure function of the expression, of what came before, and of the time.

use kline::Milliseconds;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Cron;

/// The wait after the first failure; it doubles, up to [`WAIT_LONGEST`].
const WAIT_FIRST: Milliseconds = 60_000;
const WAIT_LONGEST: Milliseconds = 3_600_000;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The time that it was due, Unix milliseconds.
    pub planned: Milliseconds,
    /// When it began.
    pub began: Milliseconds,
    /// When it ended.
    pub ended: Milliseconds,
    /// Its exit status; none if a signal ended it.
    pub status: Option<i32>,
}

/// What is known of the runs so far; the content of the status file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The expression.
    pub cron: String,
    /// The process.
    pub pid: u32,
    /// What is run: the subcommand alone.
    pub command: String,
    /// The run that is going on.
    pub running: Option<Milliseconds>,
    /// When the next one is due.
    pub next: Option<Milliseconds>,
    /// The last one.
    pub last: Option<Ended>,
    /// Failures in a row.
    pub failures: u32,
    /// Runs that were done.
    pub runs: u64,
}

/// The next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The time that it is due.
    pub planned: Milliseconds,
    /// When it begins: later by the jitter.
    pub at: Milliseconds,
}

impl Status {
    /// Takes up how a run ended. A model that does not pass its gates (status 3) is no failure: the same again would not pass
    /// either.
    pub fn note(&mut self, ended: Ended) {
        self.running = None;
        self.runs += 1;
        self.failures = if matches!(ended.status, Some(0 | 3)) { 0 } else { self.failures.saturating_add(1) };
        self.last = Some(ended);
    }
}

/// The next run after what came before; `None` if the expression names none any more.
///
/// - Nothing came before: the next time after now.
/// - A failure: after the wait, whatever times pass meanwhile.
/// - A time that has passed: now, once, however many have passed.
#[must_use]
pub fn plan(cron: &Cron, status: &Status, now: Milliseconds, jitter: Milliseconds) -> Option<Planned> {
    let Some(last) = status.last else { return cron.next(now).map(|next| jittered(next, jitter)) };
    let next = cron.next(last.planned.min(now))?;
    if status.failures > 0 {
        let doubled = 1_i64 << (status.failures - 1).min(16);
        let again = last.ended.min(now).saturating_add((WAIT_FIRST * doubled).min(WAIT_LONGEST));
        let at = again.max(now);
        return Some(Planned { planned: at, at });
    }
    if next <= now { Some(Planned { planned: now, at: now }) } else { Some(jittered(next, jitter)) }
}

/// Later by a share of the jitter that the time itself decides: asked again it is the same.
fn jittered(planned: Milliseconds, jitter: Milliseconds) -> Planned {
    let digest = Sha256::digest(format!("{planned} {}", crate::machine::host()));
    let number = digest.iter().take(7).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    Planned { planned, at: planned.saturating_add(number.checked_rem(jitter).unwrap_or(0)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Milliseconds = 3_600_000;

    fn hourly() -> Cron {
        "@hourly".parse().expect("a cron")
    }

    fn after(planned: Milliseconds, ended: Milliseconds, code: i32, failures: u32) -> Status {
        let mut status = Status { failures, ..Status::default() };
        status.note(Ended { planned, began: planned, ended, status: Some(code) });
        status
    }

    #[test]
    fn one_missed_run_is_made_up_for() {
        let plan = |status: &Status, now| plan(&hourly(), status, now, 0).map(|planned| planned.at);
        assert_eq!(plan(&Status::default(), 5), Some(HOUR), "nothing is missed before the first");
        let done = after(HOUR, HOUR + 7, 0, 0);
        assert_eq!(plan(&done, HOUR + 7), Some(2 * HOUR));
        assert_eq!(plan(&done, 9 * HOUR + 1), Some(9 * HOUR + 1), "eight were missed");
        let caught_up = after(9 * HOUR + 1, 9 * HOUR + 50, 0, 0);
        assert_eq!(plan(&caught_up, 9 * HOUR + 50), Some(10 * HOUR), "one was made up for");
        let refused = after(HOUR, HOUR + 7, 3, 0);
        assert_eq!(plan(&refused, HOUR + 7), Some(2 * HOUR), "a verdict is no failure");
        assert_eq!(plan(&after(9 * HOUR, 9 * HOUR, 0, 0), 5), Some(HOUR), "the clock was set back");
    }

    #[test]
    fn failures_are_tried_again_after_growing_waits() {
        let wait = |failures| {
            let status = after(24 * HOUR, 24 * HOUR + 500, 1, failures);
            let daily: Cron = "@daily".parse().expect("a cron");
            plan(&daily, &status, 24 * HOUR + 500, 0).map(|planned| planned.at - 24 * HOUR - 500)
        };
        let waits: Vec<_> = (0..8).filter_map(wait).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60].map(|minutes| minutes * 60_000));
        let second: Cron = "* * * * * *".parse().expect("a cron");
        let found = plan(&second, &after(HOUR, HOUR, 1, 0), HOUR, 0).map(|planned| planned.at);
        assert_eq!(found, Some(HOUR + 60_000), "times that pass meanwhile do not count");
    }

    proptest! {
        #[test]
        fn it_is_never_before_now_and_jitter_is_bounded(
            planned in 0i64..10_000 * HOUR,
            lasted in 0i64..5 * HOUR,
            later in 0i64..100 * HOUR,
            code in 0i32..5,
            failures in 0u32..40,
            jitter in 0i64..HOUR,
        ) {
            let status = after(planned, planned + lasted, code, failures);
            let now = planned + lasted + later;
            let found = plan(&hourly(), &status, now, jitter).expect("there is always an hour");
            prop_assert!(found.at >= now && found.planned <= found.at);
            prop_assert!(found.at - found.planned <= jitter);
            prop_assert!(found.at <= now + HOUR + jitter);
            prop_assert_eq!(plan(&hourly(), &status, now, jitter), Some(found));
        }
    }
}
