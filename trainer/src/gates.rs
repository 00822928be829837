//! What a model has to show before it becomes the champion: gates as data, and the judgement of the evidence by them.

use std::collections::BTreeMap;
use std::path::Path;

use forecast::Task;
use forecast::score::{PairedTest, sidak};
use serde::{Deserialize, Serialize};

use crate::certificates::Certificate;
use crate::evidence::{Evidence, TaskEvidence};
use crate::{Result, TrainerError};

/// The gates of who names none.
pub const STANDARD: &str = include_str!("gates.toml");

/// What a paired test has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// Significantly better.
    Better,
    /// Not significantly worse.
    NotWorse,
}

/// The gates; see `gates.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// The level of the paired tests: of one that has to be better; of those that have not to be worse, all of a gate together.
    pub level: f64,
    /// The least number of UTC days on the test window.
    pub days_min: usize,
    /// The least quality score of any symbol's klines.
    pub quality_min: f64,
    /// The certificates that are demanded; those that a bundle carries if a file does not say.
    #[serde(default = "Certificate::carried")]
    pub certificates: Vec<Certificate>,
    /// The ensemble against the best baseline.
    pub baseline: BTreeMap<Task, Demand>,
    /// The ensemble against the champion's.
    pub champion: BTreeMap<Task, Demand>,
    /// The largest expected calibration error.
    pub calibration_error_max: BTreeMap<Task, f64>,
    /// How far the share of outcomes inside a band may be from its level.
    pub coverage_error_max: BTreeMap<Task, f64>,
}

/// How a gate judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// `causality`, `parity`, `leaks`, `days`, `quality`, `baseline`, `champion`, `calibration` or `coverage`.
    pub gate: &'static str,
    /// The task that it is about.
    pub task: Option<Task>,
    /// Whether it lets the model pass.
    pub passed: bool,
    /// What was found; a probability where a paired test was made, deflated where better is demanded. `None` if nothing could be.
    pub found: Option<f64>,
    /// What is demanded: the least or the most of that.
    pub bound: f64,
    /// Both in words.
    pub told: String,
}

impl Gates {
    /// The gates of a file, or the standard ones.
    ///
    /// # Errors
    /// A file that can't be read or says something else.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let (name, text) = match path {
            None => (Path::new("gates.toml"), STANDARD.to_owned()),
            Some(path) => {
                let io = |source| TrainerError::Io { path: path.to_owned(), act: "read", source };
                (path, std::fs::read_to_string(path).map_err(io)?)
            }
        };
        let refuse = |problem: String| TrainerError::GatesFile { path: name.to_owned(), problem };
        let gates: Self = toml::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        match gates.problem() {
            Some(problem) => Err(refuse(problem)),
            None => Ok(gates),
        }
    }

    /// The same, and this certificate demanded too.
    #[must_use]
    pub fn with(mut self, certificate: Certificate) -> Self {
        if !self.certificates.contains(&certificate) {
            self.certificates.push(certificate);
        }
        self
    }

    fn problem(&self) -> Option<String> {
        let shares = [("level", self.level), ("quality_min", self.quality_min)];
        let errors = self
            .calibration_error_max
            .iter()
            .chain(&self.coverage_error_max)
            .map(|(task, most)| (task.name(), *most));
        let mut all = shares.into_iter().chain(errors);
        let (name, value) = all.find(|(_, value)| !(0.0..=1.0).contains(value))?;
        Some(format!("{name} is {value}, not from 0 to 1"))
    }

    /// Judges the evidence, gate by gate. Without a champion, or for the champion itself, its gates are left out.
    #[must_use]
    pub fn judge(&self, evidence: &Evidence) -> Vec<Judgement> {
        let certificates = self.certificates.iter().map(|demanded| certificate(*demanded, evidence));
        let mut found: Vec<Judgement> = certificates.collect();
        found.extend([self.days(evidence), self.quality(evidence)]);
        for task in &evidence.tasks {
            let name = task.best_baseline.name();
            let judged = self.paired("baseline", &self.baseline, task, task.baseline);
            found.extend(
                judged.map(|judged| Judgement { told: format!("{}, beside {name}", judged.told), ..judged }),
            );
            if evidence.champion_from.is_some() {
                found.extend(self.paired("champion", &self.champion, task, task.champion));
            }
            found.extend(self.calibration(task));
            found.extend(self.coverage(task));
        }
        found
    }

    fn days(&self, evidence: &Evidence) -> Judgement {
        let (days, least) = (evidence.days, self.days_min);
        Judgement {
            gate: "days",
            task: None,
            passed: days >= least,
            found: Some(days as f64),
            bound: least as f64,
            told: format!("{days} UTC days on the test window, {least} are the least"),
        }
    }

    fn quality(&self, evidence: &Evidence) -> Judgement {
        let told = |(symbol, score): (kline::Symbol, f64)| format!("{score:.4}, the worst is {symbol}");
        let found = evidence.quality.map(|(_, score)| score);
        Judgement {
            gate: "quality",
            task: None,
            passed: found.is_some_and(|score| score >= self.quality_min),
            found,
            bound: self.quality_min,
            told: format!(
                "score of the klines {}; {} is the least",
                evidence.quality.map_or_else(|| "unknown".to_owned(), told),
                self.quality_min
            ),
        }
    }

    fn calibration(&self, task: &TaskEvidence) -> Option<Judgement> {
        let most = *self.calibration_error_max.get(&task.task)?;
        let error = task.calibration_error?;
        Some(Judgement {
            gate: "calibration",
            task: Some(task.task),
            passed: error <= most,
            found: Some(error).filter(|error| error.is_finite()),
            bound: most,
            told: format!("expected calibration error {error:.4}, {most} is the most"),
        })
    }

    /// A bundle without bands promises nothing that could be broken.
    fn coverage(&self, task: &TaskEvidence) -> Option<Judgement> {
        let most = *self.coverage_error_max.get(&task.task)?;
        let error = task.coverage_error?;
        Some(Judgement {
            gate: "coverage",
            task: Some(task.task),
            passed: error <= most,
            found: Some(error),
            bound: most,
            told: format!("bands are {error:.4} from their level, {most} is the most"),
        })
    }

    /// What a paired test has to say about a task; `None` if nothing is demanded. To be better takes a p that is deflated for the
    /// number of trials; not to be worse is judged as it is found, for deflation would make that easier.
    fn paired(
        &self,
        gate: &'static str,
        demands: &BTreeMap<Task, Demand>,
        &TaskEvidence { task, trials, .. }: &TaskEvidence,
        test: Option<PairedTest>,
    ) -> Option<Judgement> {
        let demand = *demands.get(&task)?;
        // Of seven equally good ones the worst looks worse at 0.05 in three trials of ten: the level is Bonferroni's.
        let equals = demands.values().filter(|demand| **demand == Demand::NotWorse).count();
        let bound = match demand {
            Demand::Better => self.level,
            Demand::NotWorse => self.level / equals as f64,
        };
        let Some(test) = test else {
            let told = "too few days with rows of both".to_owned();
            return Some(Judgement { gate, task: Some(task), passed: false, found: None, bound, told });
        };
        let PairedTest { difference, statistic, days, p_better, p_worse, .. } = test;
        let (passed, found, wanted) = match demand {
            Demand::Better => {
                let deflated = sidak(p_better, trials);
                (deflated < bound, deflated, "better")
            }
            Demand::NotWorse => (p_worse >= bound, p_worse, "not worse"),
        };
        let p = match demand {
            Demand::Better => format!("p {p_better:.4}, deflated for {trials} trials {found:.4}, below"),
            Demand::NotWorse => format!("p {found:.4}, at least"),
        };
        let told = format!(
            "{wanted}: loss {difference:+.3e}, {statistic:+.2} standard errors over {days} days, {p} {bound:.4} is demanded"
        );
        Some(Judgement { gate, task: Some(task), passed, found: Some(found), bound, told })
    }
}

/// Whether a demanded certificate holds: 1 or 0, of 1.
fn certificate(demanded: Certificate, evidence: &Evidence) -> Judgement {
    let found = evidence.certificates.iter().find(|found| found.certificate == demanded);
    let holds = found.is_some_and(|found| found.holds);
    Judgement {
        gate: demanded.name(),
        task: None,
        passed: holds,
        found: Some(f64::from(u8::from(holds))),
        bound: 1.0,
        told: found.map_or_else(|| "there is no certificate".to_owned(), |found| found.told.clone()),
    }
}

impl std::fmt::Display for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.gate)?;
        if let Some(task) = self.task {
            write!(f, " {task}")?;
        }
        write!(f, ": {}", self.told)
    }
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
