//! Waits for the next time, runs the command, keeps the status file.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Cron, Ended, Status, plan};
use crate::artefact::{read_json, write_json};
use crate::clock::now;
use crate::console::Console;
use crate::time::readable;
use crate::{Result, TrainerError};

/// The wall clock may be set while it waits: it is looked at again after so long.
const LOOK: Duration = Duration::from_secs(20);

/// Whoever asks it to stop.
struct Stop([Signal; 2]);

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]))
    }

    async fn asked(&mut self) {
        let [terminate, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// Runs what `command` makes at the times of the expression, until SIGTERM or SIGINT. Between two runs that ends it at once;
/// during a run it waits for that to end, and a second one ends the run too, which goes on the next time. The status file
/// says what was and what comes; of an earlier process it says what was missed.
///
/// # Errors
/// When the command can't be started or the status not be written.
pub fn keep(
    (text, cron): (&str, &Cron),
    jitter: Duration,
    file: &Path,
    (name, command): (&str, impl Fn() -> std::process::Command),
    console: Console,
) -> Result<()> {
    let failed = |source| TrainerError::Io { path: file.to_owned(), act: "written", source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let mut status = match read_json::<Status>(file, "schedule") {
        Ok(before) if before.cron == text && before.command == name => before,
        Ok(_) | Err(TrainerError::MissingStage { .. } | TrainerError::Artefact { .. }) => Status::default(),
        Err(error) => return Err(error),
    };
    status = Status {
        cron: text.to_owned(),
        pid: std::process::id(),
        command: name.to_owned(),
        running: None,
        ..status
    };
    let jitter = i64::try_from(jitter.as_millis()).unwrap_or(0);
    runtime.block_on(async {
        let mut stop = Stop::new().map_err(failed)?;
        while let Some(next) = plan(cron, &status, now(), jitter) {
            status.next = Some(next.at);
            write_json(file, &status)?;
            console.note(&format!("klinecast-trainer {name}: next at {}", readable(next.at)));
            if waits(next.at, &mut stop).await {
                break;
            }
            let began = now();
            status.running = Some(began);
            write_json(file, &status)?;
            let child = Command::from(command()).kill_on_drop(true).spawn().map_err(failed)?;
            let (ended, stopped) = runs(child, &mut stop).await.map_err(failed)?;
            let (planned, code) = (next.planned, ended.code());
            status.note(Ended { planned, began, ended: now(), status: code });
            write_json(file, &status)?;
            if stopped {
                break;
            }
        }
        status.next = None;
        write_json(file, &status)
    })
}

/// Waits until a time; whether it is asked to stop before.
async fn waits(until: i64, stop: &mut Stop) -> bool {
    loop {
        let left = Duration::from_millis(u64::try_from(until - now()).unwrap_or(0));
        if left.is_zero() {
            return false;
        }
        tokio::select! {
            () = stop.asked() => return true,
            () = tokio::time::sleep(left.min(LOOK)) => {}
        }
    }
}

/// Waits for a run to end; whether it was asked to stop meanwhile.
async fn runs(mut child: Child, stop: &mut Stop) -> std::io::Result<(ExitStatus, bool)> {
    for asked in 0.. {
        tokio::select! {
            ended = child.wait() => return Ok((ended?, asked > 0)),
            () = stop.asked() => if asked > 0 { child.start_kill()? },
        }
    }
    child.wait().await.map(|ended| (ended, true))
}
