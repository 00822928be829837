//! What a request costs that a busy machine does not change: instructions, by callgrind, and calls of the kernel, by strace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::{NamedTempFile, TempDir};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::load::Found;

/// How long strace may take to hold on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a tool is there.
pub(super) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// A program under callgrind, which counts nothing until it is told to, and where its counts go.
pub(super) struct UnderCallgrind {
    program: PathBuf,
    folder: TempDir,
}

impl UnderCallgrind {
    pub(super) fn new(program: &Path) -> Result<Self> {
        Ok(Self { program: program.to_owned(), folder: tempfile::tempdir()? })
    }

    /// What starts it.
    pub(super) fn command(&self) -> Command {
        let mut file = OsString::from("--callgrind-out-file=");
        file.push(self.folder.path().join("counts"));
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--instr-atstart=no"]).arg(file).arg(&self.program);
        command
    }

    /// The instructions of a call under a load, outside the kernel, of all threads of the process.
    pub(super) async fn instructions(
        &self,
        id: u32,
        load: impl Future<Output = Result<Found>>,
    ) -> Result<f64> {
        control(id, "--instr=on").await?;
        control(id, "--zero").await?;
        let found = load.await?;
        control(id, "--dump").await?;
        control(id, "--instr=off").await?;
        // The newest dump is the one of the highest number.
        let mut dumps: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(self.folder.path())? {
            dumps.push(entry?.path());
        }
        let number =
            |path: &PathBuf| path.extension().and_then(|number| number.to_str()?.parse::<u32>().ok());
        let newest = dumps.into_iter().max_by_key(number).context("callgrind wrote nothing")?;
        let text = std::fs::read_to_string(&newest)?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).context("no totals")?;
        Ok(total.trim().parse::<f64>()? / calls(&found))
    }
}

async fn control(id: u32, argument: &str) -> Result<()> {
    let mut command = tokio::process::Command::new("callgrind_control");
    let output = command.arg(argument).arg(id.to_string()).output().await.context("no callgrind_control")?;
    if !output.status.success() {
        bail!("callgrind_control {argument}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
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
