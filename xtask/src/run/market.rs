//! What is remembered of a market between two runs: whether a model was trained on it, and the exchange's time, so that
//! a simulated market goes on where it stopped.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::recorded::Recorded;
use super::{ExchangeKind, Options};

/// The exchange's time at the first start of the synthetic market: 2025-06-01 00:00 UTC.
const SYNTHETIC_START_MS: i64 = 1_748_736_000_000;
/// Time that a simulated market skips between two runs. More than it can have gone on since it was last remembered, so
/// that what was stored never lies in the future.
pub(super) const SKIP_MS: i64 = 24 * 60 * 60 * 1_000;
/// Time between two notes.
pub(super) const NOTE_INTERVAL: Duration = Duration::from_secs(5);

/// A market, and its folder.
#[derive(Debug)]
pub(super) struct Market {
    /// Its name for people.
    pub(super) name: String,
    /// The folder of its klines, journal, models and logs.
    pub(super) home: PathBuf,
    memory: Memory,
    recorded: Option<Recorded>,
    speed: f64,
    started: Option<Instant>,
}

/// What is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    /// The exchange's time at the start of the last run.
    start_ms: i64,
    /// The exchange's time when it was last looked at.
    last_ms: i64,
}

impl Market {
    /// Reads what is remembered of the market that the options name.
    pub(super) fn open(options: &Options) -> Result<Self> {
        let recorded = options.klines.as_deref().map(Recorded::read).transpose()?;
        let first_start_ms = match (&recorded, options.start) {
            (Some(_), Some(start)) => start,
            (Some(recorded), None) => recorded.usual_start_ms(),
            (None, _) => SYNTHETIC_START_MS,
        };
        let (name, folder) = match (options.exchange, &options.klines) {
            (ExchangeKind::Binance, _) => ("the public exchange".to_owned(), "binance".to_owned()),
            (ExchangeKind::Simulated, Some(klines)) => {
                let slug = klines.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (
                    format!("klines recorded in {}", klines.display()),
                    format!("klines-{slug}-{first_start_ms}"),
                )
            }
            (ExchangeKind::Simulated, None) => (
                format!("the synthetic market of seed {}", options.seed),
                format!("synthetic-{}", options.seed),
            ),
        };
        let home = options.home.join(folder);
        fs::create_dir_all(&home).with_context(|| format!("cannot make the folder {}", home.display()))?;
        let home = home.canonicalize().with_context(|| format!("cannot find {}", home.display()))?;
        let memory: Option<Memory> =
            fs::read(home.join("market.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let start_ms = memory.map_or(first_start_ms, Memory::next_start_ms);
        if let Some(recorded) = recorded.as_ref().filter(|recorded| start_ms >= recorded.end_ms()) {
            let end = recorded.end_ms();
            bail!(
                "the klines end at {end}, and the replay is past that; remove {} to start over",
                home.display()
            );
        }
        let memory = Memory { start_ms, last_ms: start_ms };
        Ok(Self { name, home, memory, recorded, speed: options.speed, started: None })
    }

    /// Adds to the exchange's command what market it has.
    pub(super) fn arguments(&self, options: &Options, command: &mut Command) {
        match &options.klines {
            Some(klines) => {
                command.arg("--klines").arg(klines.canonicalize().unwrap_or_else(|_| klines.clone()))
            }
            None => command.args([
                "--synthetic",
                "--seed",
                &options.seed.to_string(),
                "--history-days",
                &options.history_days.to_string(),
            ]),
        };
        command.args(["--start", &self.memory.start_ms.to_string()]);
    }

    /// The pairs, when they are not the usual ten: those that are recorded and still trade at the start.
    pub(super) fn symbols(&self) -> Option<String> {
        self.recorded.as_ref().map(|recorded| recorded.symbols_at(self.memory.start_ms))
    }

    /// The exchange's time when it was started; `None` when it was not started here.
    pub(super) fn start_ms(&self) -> Option<i64> {
        self.started.map(|_| self.memory.start_ms)
    }

    /// The exchange is up: its clock runs.
    pub(super) fn started(&mut self) {
        self.started = Some(Instant::now());
    }

    /// Whether a model was trained on this market and is still there.
    pub(super) fn has_model(&self) -> bool {
        let bundles =
            fs::read_dir(self.home.join("bundles")).is_ok_and(|mut entries| entries.next().is_some());
        bundles && self.home.join("trained").is_file()
    }

    /// Notes that a model was trained on this market.
    pub(super) fn trained(&self) -> Result<()> {
        let note = self.home.join("trained");
        fs::write(&note, format!("{}\n", self.name))
            .with_context(|| format!("cannot write {}", note.display()))
    }

    /// Notes the exchange's time every few seconds, for ever.
    pub(super) async fn remember(&self) {
        loop {
            self.save();
            tokio::time::sleep(NOTE_INTERVAL).await;
        }
    }

    /// Notes the exchange's time. A note that can't be written is no reason to stop: the next run then starts where
    /// this one did.
    pub(super) fn save(&self) {
        let Some(started) = self.started else { return };
        let memory = self.memory.after(started.elapsed(), self.speed);
        let file = self.home.join("market.json");
        if let Err(error) =
            serde_json::to_vec(&memory).map_err(Into::into).and_then(|bytes| fs::write(&file, bytes))
        {
            eprintln!("run: cannot note the exchange's time in {}: {error}", file.display());
        }
    }
}

impl Memory {
    /// The exchange's time from which to go on.
    fn next_start_ms(self) -> i64 {
        self.last_ms.saturating_add(SKIP_MS)
    }

    /// What to remember when the exchange has run for `elapsed`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a time far within i64's range"
    )]
    fn after(self, elapsed: Duration, speed: f64) -> Self {
        let gone_ms = (elapsed.as_millis() as f64 * speed) as i64;
        Self { last_ms: self.start_ms.saturating_add(gone_ms), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_starts_after_all_that_the_first_can_have_stored() {
        let first = Memory { start_ms: SYNTHETIC_START_MS, last_ms: SYNTHETIC_START_MS };
        let speed = super::super::SPEED_MAX;
        let noted = first.after(Duration::from_secs(60), speed);
        assert_eq!(noted.last_ms - noted.start_ms, 60 * 8_640 * 1_000);
        let lost = first.after(Duration::from_secs(60) + NOTE_INTERVAL, speed);
        assert!(noted.next_start_ms() > lost.last_ms);
    }
}
