//! `schedule`: each run is a process of its own, so that its memory goes with it and a crash ends nothing else.

use std::process::Command as Process;
use std::time::Duration;

use clap::Parser;

use crate::args::{Arguments, Command, Common, ScheduleArguments};
use crate::console::Console;
use crate::lock::TrainingLock;
use crate::{Result, TrainerError, metrics_file, schedule};

pub(super) fn keep(common: &Common, arguments: &ScheduleArguments, console: Console) -> Result<()> {
    let cron = arguments.times()?;
    let program = std::env::current_exe();
    let program =
        program.map_err(|source| TrainerError::Io { path: "this program".into(), act: "read", source })?;
    // What can't be read is told now, not at three in the night.
    let words = std::iter::once("klinecast-trainer").chain(arguments.command.iter().map(String::as_str));
    let parsed = Arguments::try_parse_from(words).map_err(|error| TrainerError::Scheduled {
        problem: error.to_string().lines().next().unwrap_or_default().to_owned(),
    })?;
    if matches!(parsed.command, Command::Schedule(_)) {
        return Err(TrainerError::Scheduled { problem: "a schedule can't be scheduled".to_owned() });
    }
    let name = arguments.command.first().map_or("", String::as_str);
    let file = arguments.status.clone().unwrap_or_else(|| common.home.join("schedule.json"));
    let _kept = TrainingLock::keep_schedule(&file)?;
    let figures = match (&common.metrics_file, arguments.metrics_address) {
        (None, Some(_)) => Some(common.home.join("trainer.prom")),
        (file, _) => file.clone(),
    };
    if let (Some(address), Some(figures)) = (arguments.metrics_address, &figures) {
        let address = metrics_file::serve(address, figures.clone())?;
        console.note(&format!("figures at http://{address}/metrics"));
    }
    let command = || {
        let mut command = Process::new(&program);
        // By the environment: arguments are seen by others, and a password may be among these.
        command.args(&arguments.command).envs(common.variables());
        command.envs(figures.iter().map(|figures| ("MONITORING_METRICS_FILE", figures)));
        command
    };
    let jitter = Duration::from_secs(arguments.jitter.into());
    schedule::keep((&arguments.cron, &cron), jitter, &file, (name, command), console)
}
