//! What a request costs that a busy machine does not change: instructions, by callgrind, and calls of the kernel, by strace.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::load::Found;

/// How long strace may take to hold on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a tool is there.
pub(super) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// A program under callgrind, which counts nothing until it is told to.
pub(super) fn under_callgrind(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null"]).arg(program);
    command
}

/// The instructions of a call under a load, outside the kernel, of all threads of a process under callgrind.
pub(super) async fn instructions(id: u32, load: impl Future<Output = Result<Found>>) -> Result<f64> {
    control(id, &["--zero"]).await?;
    control(id, &["--instr=on"]).await?;
    let found = load.await?;
    control(id, &["--instr=off"]).await?;
    let told = control(id, &["--stat"]).await?;
    let of_thread = |line: &str| line.split_once("Ir:")?.1.trim().replace(',', "").parse::<f64>().ok();
    let total: f64 = told.lines().filter_map(of_thread).sum();
    Ok(total / calls(&found))
}

async fn control(id: u32, arguments: &[&str]) -> Result<String> {
    let mut command = tokio::process::Command::new("callgrind_control");
    let output =
        command.args(arguments).arg(id.to_string()).output().await.context("no callgrind_control")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("callgrind_control {arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(text)
}

/// The calls of the kernel that a call under a load makes, of all threads of a process.
pub(super) async fn system_calls(id: u32, load: impl Future<Output = Result<Found>>) -> Result<f64> {
    let summary = NamedTempFile::new()?;
    let mut command = tokio::process::Command::new("strace");
    command.args(["-f", "-c", "-p", &id.to_string(), "-o"]).arg(summary.path());
    let mut strace = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().context("no strace")?;
    let mut told = BufReader::new(strace.stderr.take().context("no output")?).lines();
    let attached =
        tokio::time::timeout(PATIENCE, told.next_line()).await.context("strace does not start")??;
    if !attached.as_ref().is_some_and(|line| line.contains("attached")) {
        bail!("strace cannot look at process {id}: {attached:?}");
    }
    tokio::spawn(async move { while let Ok(Some(_)) = told.next_line().await {} });
    let found = load.await?;
    let process = rustix::process::Pid::from_raw(i32::try_from(strace.id().context("strace ended")?)?);
    rustix::process::kill_process(process.context("no process")?, rustix::process::Signal::INT)?;
    strace.wait().await?;
    let text = std::fs::read_to_string(summary.path())?;
    let total = text.lines().rfind(|line| line.ends_with("total")).context("strace has no total")?;
    // Share, seconds, microseconds a call, calls, and errors where there were any.
    let count: f64 = total.split_whitespace().nth(3).context("no calls")?.parse()?;
    Ok(count / calls(&found))
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn calls(found: &Found) -> f64 {
    found.latencies.count().max(1) as f64
}
