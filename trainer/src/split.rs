//! The chronological windows: train, tune, test, with an embargo between them.

use forecast::{RENEWAL_BLOCK_BARS, RENEWAL_LAG_BLOCKS, RENEWAL_WINDOW_BLOCKS, Task};
use kline::{BarTime, Interval};
use serde::{Deserialize, Serialize};

use crate::time::{TimeArgument, readable};
use crate::{Result, TrainerError};

/// Bars left out between two windows: the longest horizon, so that no outcome of one window is known in the next.
pub const EMBARGO_BARS: u32 = Task::LONGEST_HORIZON_STEPS;

/// What a block is answered with is renewed from so many bars before it.
pub(crate) const LEAD_BARS: i64 = (RENEWAL_WINDOW_BLOCKS + RENEWAL_LAG_BLOCKS) * RENEWAL_BLOCK_BARS;

/// Without dates, the share of the time that trains, and the share that trains or tunes.
const SHARES: [f64; 2] = [0.70, 0.85];

/// What the command line says about the windows; what it leaves open is filled in from the data.
#[derive(Debug, Clone, Copy, Default)]
pub struct SplitRequest {
    /// The first bar to train on.
    pub train_from: Option<TimeArgument>,
    /// The last bar to train on.
    pub train_until: Option<TimeArgument>,
    /// The last bar to tune on.
    pub tune_until: Option<TimeArgument>,
    /// The first bar to test on.
    pub test_from: Option<TimeArgument>,
    /// The last bar to test on.
    pub test_until: Option<TimeArgument>,
}

/// The windows, each with its first and last bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The folds and the final boosters learn from these.
    pub train: Window,
    /// The walk ends with these; the final boosters learn from them too.
    pub tune: Window,
    /// The reported figures are of these; a run chooses nothing by them, though the recipe was shaped with them in sight.
    pub test: Window,
}

/// Bars from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first bar.
    pub from: BarTime,
    /// The last bar.
    pub until: BarTime,
}

impl Window {
    /// Whether a bar lies inside.
    #[must_use]
    pub fn holds(&self, bar: BarTime) -> bool {
        self.from <= bar && bar <= self.until
    }

    fn require(&self, earlier: &'static str, later: &'static str) -> Result<()> {
        if self.from <= self.until {
            return Ok(());
        }
        let (start, end) = (readable(self.from.milliseconds()), readable(self.until.milliseconds()));
        Err(TrainerError::Order { earlier, later, start, end })
    }
}

impl Split {
    /// Fills the request in from the first and the last bar that there is. A date without a time is the whole
    /// day: `until` ends with it, `from` begins with it.
    ///
    /// # Errors
    /// [`TrainerError::Order`] when a window would be empty.
    pub fn new(request: &SplitRequest, first: BarTime, last: BarTime, interval: Interval) -> Result<Self> {
        let share = |share: f64| {
            let bars = last.steps_since(first, interval) as f64;
            first.plus((bars * share) as i64, interval)
        };
        let train = Window {
            from: from_bar(request.train_from, first, interval),
            until: until_bar(request.train_until, share(SHARES[0]), last, interval),
        };
        let tune = Window {
            from: after(train, interval),
            until: until_bar(request.tune_until, share(SHARES[1]), last, interval),
        };
        for (earlier, later, window) in [("data", "train", train), ("train", "tune", tune)] {
            window.require(earlier, later)?;
        }
        Self { train, tune, test: tune }.with_test(request.test_from, request.test_until, last, interval)
    }

    /// The same with another test window, no earlier than the embargo after the tuning window, as far as `last`.
    ///
    /// # Errors
    /// [`TrainerError::Order`] when it would be empty.
    pub fn with_test(
        self,
        from: Option<TimeArgument>,
        until: Option<TimeArgument>,
        last: BarTime,
        interval: Interval,
    ) -> Result<Self> {
        let test = Window {
            from: from_bar(from, after(self.tune, interval), interval),
            until: until_bar(until, last, last, interval),
        };
        test.require("tune", "test")?;
        Ok(Self { test, ..self })
    }

    /// The bars before the test window, after all outcomes that were learned from, whose outcomes decide what its first blocks
    /// are answered with; `None` if it begins right after the tuning window.
    #[must_use]
    pub fn lead(&self, interval: Interval) -> Option<Window> {
        let from = self.test.from.plus(-LEAD_BARS, interval).max(after(self.tune, interval));
        let until = self.test.from.plus(-1, interval);
        (from <= until).then_some(Window { from, until })
    }
}

/// The first bar of the window after one.
fn after(window: Window, interval: Interval) -> BarTime {
    window.until.plus(i64::from(EMBARGO_BARS) + 1, interval)
}

fn from_bar(time: Option<TimeArgument>, at_least: BarTime, interval: Interval) -> BarTime {
    let asked = time.map(|time| BarTime::last_closed(time.start() + interval.milliseconds(), interval));
    asked.map_or(at_least, |bar| bar.max(at_least))
}

fn until_bar(time: Option<TimeArgument>, otherwise: BarTime, last: BarTime, interval: Interval) -> BarTime {
    time.map_or(otherwise, |time| BarTime::last_closed(time.end() + 1, interval).min(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STEP: Interval = Interval::M15;

    fn bar(index: i64) -> BarTime {
        BarTime::last_closed((index + 1) * STEP.milliseconds(), STEP)
    }

    fn day(text: &str) -> Option<TimeArgument> {
        text.parse().ok()
    }

    #[test]
    fn dates_are_whole_days_and_windows_keep_their_distance() {
        let request = SplitRequest {
            train_until: day("1970-01-10"),
            tune_until: day("1970-01-15"),
            test_from: day("1970-01-20"),
            ..SplitRequest::default()
        };
        let split = Split::new(&request, bar(0), bar(3_000), STEP).expect("in order");
        assert_eq!(split.train.until, bar(10 * 96 - 1));
        assert_eq!(split.tune, Window { from: bar(10 * 96 + 16), until: bar(15 * 96 - 1) });
        assert_eq!(split.test, Window { from: bar(19 * 96), until: bar(3_000) });
    }

    #[test]
    fn a_later_test_window_keeps_its_distance_too() {
        let split = Split::new(&SplitRequest::default(), bar(0), bar(3_000), STEP).expect("long enough");
        let later = split.with_test(day("1970-02-15"), None, bar(6_000), STEP).expect("in order");
        assert_eq!(later.test, Window { from: bar(45 * 96), until: bar(6_000) });
        assert_eq!((later.train, later.tune), (split.train, split.tune));
        let early = split.with_test(day("1970-01-01"), None, bar(6_000), STEP).expect("moved");
        assert_eq!(early.test.from, split.test.from);
        assert!(split.with_test(None, day("1970-01-02"), bar(6_000), STEP).is_err());
    }

    #[test]
    fn an_empty_window_is_refused_by_name() {
        let request = SplitRequest {
            train_until: day("1970-01-10"),
            tune_until: day("1970-01-09"),
            ..Default::default()
        };
        let found = Split::new(&request, bar(0), bar(3_000), STEP);
        assert!(matches!(found, Err(TrainerError::Order { later: "tune", .. })));
    }

    proptest! {
        #[test]
        fn no_outcome_of_one_window_is_known_in_the_next(bars in 400i64..50_000) {
            let split = Split::new(&SplitRequest::default(), bar(0), bar(bars), STEP).expect("long enough");
            for (earlier, later) in [(split.train, split.tune), (split.tune, split.test)] {
                let distance = later.from.steps_since(earlier.until, STEP);
                prop_assert!(distance > i64::from(Task::LONGEST_HORIZON_STEPS));
            }
            prop_assert_eq!(split.test.until, bar(bars));
        }
    }
}
