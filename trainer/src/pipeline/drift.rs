//! The comparison of now with what the champion has learned from, as a stage.

use std::time::Instant;

use forecast::Bundle;
use kline::{BarTime, Milliseconds};

use super::{Klines, Pipeline};
use crate::args::DriftArguments;
use crate::drift::Drift;
use crate::split::{Split, Window};
use crate::{Result, TrainerError};

const DAY: Milliseconds = 86_400_000;

impl Pipeline {
    pub(super) fn drift(&self, arguments: &DriftArguments) -> Result<()> {
        let started = Instant::now();
        let klines = self.klines()?;
        let reference = self.reference(arguments)?;
        let current = self.current(&klines, arguments)?;
        let dataset = self.dataset(&klines, Split { train: reference, tune: current, test: current })?;
        let found = Drift::between(&dataset, reference, current)?;
        let folder = arguments.to.clone().unwrap_or_else(|| self.folder().join("drift"));
        found.write(&dataset, &folder)?;
        self.console.report("drift", started, &found, || {
            format!("{}the whole report: {}\n", found.table(), folder.join("drift.html").display())
        });
        Ok(())
    }

    /// What was asked for, or the champion's training window.
    fn reference(&self, arguments: &DriftArguments) -> Result<Window> {
        if let Some((from, until)) = arguments.reference_from.zip(arguments.reference_until) {
            return self.window("reference", from.start(), until.end());
        }
        let nobody = || TrainerError::NoChampion { home: self.home.folder().to_owned() };
        let champion = self.home.registry().champion()?.ok_or_else(nobody)?;
        let bundle = Bundle::from_files(self.home.objects().get(champion.bundle)?)?;
        let training = bundle.manifest().training;
        Ok(Window { from: training.train_from, until: training.train_until })
    }

    /// What was asked for, or the last days.
    fn current(&self, klines: &Klines, arguments: &DriftArguments) -> Result<Window> {
        let last = klines.values().filter_map(|klines| klines.last()).map(|kline| kline.close_time).max();
        let until = arguments.until.map_or_else(|| last.unwrap_or(0), crate::time::TimeArgument::end);
        let until = until.min(last.unwrap_or(until));
        let days_before = until + 1 - i64::from(arguments.days) * DAY;
        let from = arguments.from.map_or(days_before, crate::time::TimeArgument::start);
        self.window("current", from, until)
    }

    /// The bars that open from one moment on and have closed at another.
    fn window(&self, name: &'static str, from: Milliseconds, until: Milliseconds) -> Result<Window> {
        let step = self.interval.milliseconds();
        let window = Window {
            from: BarTime::last_closed(from + 2 * step - 1, self.interval),
            until: BarTime::last_closed(until + 1, self.interval),
        };
        if window.from <= window.until {
            return Ok(window);
        }
        let remedy = "its end is before its beginning, name another one".to_owned();
        let window = if name == "reference" { "the reference" } else { "the current window" };
        Err(TrainerError::TooLittle { window, rows: 0, needed: 1, remedy })
    }
}
