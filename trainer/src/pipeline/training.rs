//! Training as a stage, whole or one part of it.

use std::time::{Duration, Instant, UNIX_EPOCH};

use forecast::Bundle;
use serde_json::json;

use super::Pipeline;
use crate::args::{TrainAloneArguments, TrainArguments};
use crate::checkpoints::Checkpoints;
use crate::clock::now;
use crate::console::table;
use crate::dataset::Dataset;
use crate::left_out::LeftOut;
use crate::runs::Parent;
use crate::train::{self, Course, FittedPart, Settled, train_part};
use crate::trained::{self, Trained};
use crate::{Result, TrainerError, report, version};

impl Pipeline {
    /// Trains; boosters that are kept already are taken up.
    pub(super) fn train(
        &self,
        dataset: &mut Dataset,
        data_version: &str,
        arguments: &TrainArguments,
        settled: Option<&Settled>,
    ) -> Result<Trained> {
        let started = Instant::now();
        let left_out = match settled {
            None => arguments.effort.left_out()?,
            Some(settled) => LeftOut::of(settled.left_out().iter().map(String::as_str))?,
        };
        dataset.leave_out(left_out)?;
        let checkpoints = self.checkpoints(arguments.fresh);
        let course = self.course(data_version, arguments, &checkpoints)?;
        let trained = match settled {
            None => train::train(dataset, &course)?,
            Some(settled) => train::refit(dataset, &course, settled)?,
        };
        trained::save(&trained, &self.folder())?;
        let moment = UNIX_EPOCH + Duration::from_millis(u64::try_from(now()).unwrap_or(0));
        checkpoints.sweep(moment)?;
        let found = trained.report();
        self.metrics.training(&found.boosters)?;
        self.console.report("train", started, &found, || report::training(&found));
        self.tell_boosters(started, &checkpoints);
        Ok(trained)
    }

    pub(super) fn train_alone(&self, arguments: &TrainAloneArguments) -> Result<()> {
        let TrainAloneArguments { train, part } = arguments;
        // What can't be used is told before rows are made and judged.
        train.effort.effort()?;
        train.effort.left_out()?;
        let settled = self.settled(train, self.champion()?.as_ref())?;
        let klines = self.klines()?;
        let mut dataset = self.dataset(&klines, self.split(&klines, train.windows.request())?)?;
        self.validate_by(&dataset, &klines, None, &train.suite)?;
        let version = version::data_version(&klines, self.interval).version;
        drop(klines);
        let Some(part) = part.part() else {
            return self.train(&mut dataset, &version, train, settled.as_ref()).map(drop);
        };
        let started = Instant::now();
        dataset.leave_out(train.effort.left_out()?)?;
        let checkpoints = self.checkpoints(train.fresh);
        let found = train_part(&dataset, &self.course(&version, train, &checkpoints)?, part)?;
        self.console.report("train part", started, &found, || {
            let row = |one: &FittedPart| {
                let (kilobytes, seconds) = (one.bytes as f64 / 1e3, one.seconds);
                vec![
                    one.lesson.clone(),
                    one.rounds.to_string(),
                    format!("{kilobytes:.1}"),
                    format!("{seconds:.1}"),
                ]
            };
            table(&["booster", "rounds", "kB", "seconds"], found.iter().map(row))
        });
        self.tell_boosters(started, &checkpoints);
        Ok(())
    }

    /// What the training of the champion settled, if it is to be taken over.
    pub(super) fn settled(
        &self,
        arguments: &TrainArguments,
        champion: Option<&Parent>,
    ) -> Result<Option<Settled>> {
        if !arguments.refit {
            return Ok(None);
        }
        let none = || TrainerError::Refit { problem: "there is no champion".to_owned() };
        let bundle = self.home.objects().get(champion.ok_or_else(none)?.bundle)?;
        Settled::of(&Bundle::from_files(bundle)?).map(Some)
    }

    fn checkpoints(&self, fresh: bool) -> Checkpoints {
        Checkpoints::new(self.folder().join("boosters"), fresh)
    }

    fn course<'a>(
        &'a self,
        data_version: &'a str,
        arguments: &TrainArguments,
        checkpoints: &'a Checkpoints,
    ) -> Result<Course<'a>> {
        let effort = arguments.effort.effort()?;
        Ok(Course { data_version, effort, checkpoints, console: &self.console })
    }

    fn tell_boosters(&self, started: Instant, checkpoints: &Checkpoints) {
        let [taken, fitted] = checkpoints.counts();
        let found = json!({ "taken_up": taken, "fitted": fitted });
        self.console
            .report("boosters", started, &found, || format!("{fitted} fitted, {taken} fitted before\n"));
    }
}
