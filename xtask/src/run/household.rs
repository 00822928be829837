//! The processes that this one started: ready, alive, stopped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{Narrator, POLL, http};

/// How long a process may take until it says where it listens.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a process may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may take until every pair is warm.
const SERVING_TIMEOUT: Duration = Duration::from_secs(300);
/// Lines of a log that an error shows.
const LOG_LINES_SHOWN: usize = 12;

/// The background processes, in the order of their start.
#[derive(Debug)]
pub(super) struct Household {
    folder: PathBuf,
    members: Vec<Member>,
}

/// One background process.
#[derive(Debug)]
struct Member {
    name: String,
    log: PathBuf,
    process: Child,
}

impl Household {
    /// None yet; logs and ready files go to `run/` below `home`.
    pub(super) fn new(home: &Path) -> Result<Self> {
        let folder = home.join("run");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Self { folder, members: Vec::new() })
    }

    /// Starts a process and answers what its ready file says, once it is there.
    pub(super) async fn start(&mut self, name: &str, mut command: Command) -> Result<Value> {
        let log = self.folder.join(format!("{name}.log"));
        let ready = self.folder.join(format!("{name}.json"));
        if ready.exists() {
            fs::remove_file(&ready).with_context(|| format!("cannot remove {}", ready.display()))?;
        }
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone().with_context(|| format!("cannot write {}", log.display()))?;
        // A process group of its own: an interrupt at the terminal reaches this process alone, which then stops the
        // others in order.
        let process = command
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the {name}"))?;
        self.members.push(Member { name: name.to_owned(), log, process });
        self.until_ready(name, &ready).await
    }

    async fn until_ready(&mut self, name: &str, ready: &Path) -> Result<Value> {
        let started = Instant::now();
        loop {
            self.check()?;
            // A file that is only half written does not parse; the next look finds it whole.
            if let Some(value) = fs::read(ready).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                return Ok(value);
            }
            if started.elapsed() > READY_TIMEOUT {
                bail!("the {name} is not ready after {READY_TIMEOUT:?}; {}", self.log_of(name));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns when the server answers that it serves.
    pub(super) async fn until_serving(&mut self, http_address: &str, narrator: Narrator) -> Result<()> {
        let started = Instant::now();
        let mut next_word = Duration::from_secs(5);
        loop {
            self.check()?;
            let answer = http::get(http_address, "/health").await;
            if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            let state = answer.map_or_else(|error| format!("{error:#}"), |answer| answer.body);
            if started.elapsed() > SERVING_TIMEOUT {
                bail!(
                    "the server does not serve after {SERVING_TIMEOUT:?}: {state}; {}",
                    self.log_of("server")
                );
            }
            if started.elapsed() > next_word {
                narrator.say(&format!("waiting for the server: {state}"));
                next_word += Duration::from_secs(5);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs `work` to its end, or until a background process dies.
    pub(super) async fn or_first_death(&mut self, work: impl Future<Output = Result<()>>) -> Result<()> {
        tokio::select! {
            outcome = work => outcome,
            error = self.first_death() => Err(error),
        }
    }

    async fn first_death(&mut self) -> anyhow::Error {
        loop {
            if let Err(error) = self.check() {
                return error;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn check(&mut self) -> Result<()> {
        for member in &mut self.members {
            match member.process.try_wait() {
                Ok(None) => (),
                Ok(Some(status)) => return Err(member.death(status)),
                Err(error) => {
                    return Err(anyhow!(error).context(format!("cannot look after the {}", member.name)));
                }
            }
        }
        Ok(())
    }

    fn log_of(&self, name: &str) -> String {
        self.members.iter().find(|member| member.name == name).map(Member::last_words).unwrap_or_default()
    }

    /// Stops what runs, the last started first: asks, waits, and kills what does not listen.
    pub(super) async fn stop(&mut self) {
        while let Some(mut member) = self.members.pop() {
            let Some(id) = member.process.id() else { continue };
            // The standard library can only kill; the shell's built-in can ask.
            let asked = Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().await;
            let asked = asked.is_ok_and(|status| status.success());
            if !asked || tokio::time::timeout(STOP_TIMEOUT, member.process.wait()).await.is_err() {
                eprintln!("run: the {} did not stop in time and is killed", member.name);
                // It may have ended this moment; then there is nothing left to do.
                let _ = member.process.kill().await;
            }
        }
    }
}

impl Member {
    fn death(&self, status: ExitStatus) -> anyhow::Error {
        anyhow!("the {} stopped ({status}); {}", self.name, self.last_words())
    }

    fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n  ");
        format!("the end of {}:\n  {last}", self.log.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        // The household adds `--ready-file PATH`: the script sees the path as `$2`.
        command.args(["-c", script, "sh"]);
        command
    }

    #[tokio::test]
    async fn a_ready_process_is_heard_and_stopped() {
        let home = tempfile::tempdir().expect("a folder");
        let mut household = Household::new(home.path()).expect("a household");
        let script = "echo '{\"rest_url\":\"x\"}' > $2; trap 'echo drained; exit 0' TERM; while :; do sleep 0.05; done";
        let ready = household.start("exchange", shell(script)).await.expect("ready");
        assert_eq!(ready["rest_url"], "x");
        household.check().expect("alive");
        household.stop().await;
        let log = fs::read_to_string(home.path().join("run/exchange.log")).expect("a log");
        assert_eq!(log, "drained\n");
    }

    #[tokio::test]
    async fn a_death_before_ready_shows_the_end_of_the_log() {
        let home = tempfile::tempdir().expect("a folder");
        let mut household = Household::new(home.path()).expect("a household");
        let error =
            household.start("server", shell("echo 'port 50051 is in use'; exit 3")).await.expect_err("dead");
        let error = error.to_string();
        assert!(error.contains("the server stopped (exit status: 3)"), "{error}");
        assert!(error.contains("port 50051 is in use"), "{error}");
    }

    #[tokio::test]
    async fn a_death_ends_the_work_in_the_foreground() {
        let home = tempfile::tempdir().expect("a folder");
        let mut household = Household::new(home.path()).expect("a household");
        household.start("server", shell("echo '{}' > $2; sleep 0.2; exit 1")).await.expect("ready");
        let error = household.or_first_death(std::future::pending()).await.expect_err("dead");
        assert!(error.to_string().contains("the server stopped"), "{error}");
    }
}
