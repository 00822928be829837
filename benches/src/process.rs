//! A server's process: on which core it runs, and what it uses.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_setaffinity};

/// A command that runs on the first core alone.
pub(crate) fn on_first_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(program);
    command
}

/// Lets every thread of this process that is started from now on, and this one, run on the second core alone, if there is one.
pub(crate) fn pin_load() -> Result<()> {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("one core: servers and load share it");
        return Ok(());
    }
    let mut second = CpuSet::new();
    second.set(1);
    for thread in std::fs::read_dir("/proc/self/task")? {
        let id: i32 = thread?.file_name().to_string_lossy().parse()?;
        let id = rustix::thread::Pid::from_raw(id);
        sched_setaffinity(id, &second).context("the load cannot be kept on the second core")?;
    }
    Ok(())
}

/// A process that is looked at from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pinned(u32);

impl Pinned {
    pub(crate) const fn of(id: u32) -> Self {
        Self(id)
    }

    /// The CPU time of all its threads so far, user and kernel, as the scheduler has it to the nanosecond.
    fn cpu(self) -> Result<Duration> {
        let mut nanoseconds = 0_u64;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.0))? {
            // A thread may have ended meanwhile.
            let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            let first = text.split_whitespace().next().context("no schedstat")?;
            nanoseconds += first.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// What a load finds, and the CPU time that the process used meanwhile.
    pub(crate) async fn during<T>(&self, load: impl Future<Output = Result<T>>) -> Result<(T, Duration)> {
        let before = self.cpu()?;
        let found = load.await?;
        Ok((found, self.cpu()?.saturating_sub(before)))
    }

    /// Resident memory in megabytes.
    pub(crate) fn memory_mb(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes / 1_000.0 * 1.024)
    }
}
