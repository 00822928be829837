//! Each expectation judged, and what follows from all.

use serde::Serialize;

use super::{Expectation, Observed, Severity, Suite};
use crate::{Result, TrainerError};

/// Unexpected values that are told.
const SAMPLES_MAX: usize = 10;

/// A value that was not expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unexpected {
    /// The symbol, day, feature, ... that it is of.
    pub key: String,
    /// The value.
    pub value: f64,
}

/// How an expectation was met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The expectation.
    #[serde(flatten)]
    pub expectation: Expectation,
    /// Whether it was.
    pub passed: bool,
    /// Values that were looked at; an expectation of none is met.
    pub checked: usize,
    /// Values that lie outside.
    pub unexpected: usize,
    /// The value that lies farthest outside, or nearest to it; `None` if there is none.
    pub observed: Option<f64>,
    /// The values farthest outside, the farthest first.
    pub samples: Vec<Unexpected>,
    /// The values that were looked at by their keys.
    #[serde(skip)]
    pub values: Vec<(String, f64)>,
}

/// How a suite was met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The suite's name.
    pub suite: String,
    /// Whether no error was found.
    pub passed: bool,
    /// Failed expectations that forbid training.
    pub errors: usize,
    /// Failed expectations that a person should look at.
    pub warnings: usize,
    /// One an expectation, in the suite's order.
    pub verdicts: Vec<Verdict>,
}

impl Suite {
    /// Judges every expectation.
    #[must_use]
    pub fn check(&self, observed: &Observed<'_>) -> Checked {
        let judged = self.expectations.iter().map(|one| Verdict::of(one, observed.values(one.of)));
        let verdicts: Vec<Verdict> = judged.collect();
        let failed = |severity: Severity| {
            verdicts.iter().filter(|one| !one.passed && one.expectation.severity == severity).count()
        };
        let (errors, warnings) = (failed(Severity::Error), failed(Severity::Warn));
        Checked { suite: self.name.clone(), passed: errors == 0, errors, warnings, verdicts }
    }
}

impl Verdict {
    pub(super) fn of(expectation: &Expectation, mut values: Vec<(String, f64)>) -> Self {
        values.retain(|(key, _)| expectation.is_about(key));
        let beyond = |value: f64| {
            let below = expectation.min.map_or(f64::NEG_INFINITY, |min| min - value);
            below.max(expectation.max.map_or(f64::NEG_INFINITY, |max| value - max))
        };
        let mut outside: Vec<&(String, f64)> =
            values.iter().filter(|(_, value)| !expectation.expects(*value)).collect();
        outside.sort_by(|a, b| beyond(b.1).total_cmp(&beyond(a.1)));
        let samples = outside.iter().take(SAMPLES_MAX);
        let samples = samples.map(|(key, value)| Unexpected { key: key.clone(), value: *value }).collect();
        let (checked, unexpected) = (values.len(), outside.len());
        let met = (checked - unexpected) as f64 / checked.max(1) as f64;
        let observed =
            values.iter().map(|(_, value)| *value).max_by(|a, b| beyond(*a).total_cmp(&beyond(*b)));
        Self {
            passed: checked == 0 || met >= expectation.mostly,
            checked,
            unexpected,
            observed,
            samples,
            expectation: expectation.clone(),
            values,
        }
    }

    /// What is expected, in words.
    #[must_use]
    pub fn bound(&self) -> String {
        let Expectation { min, max, mostly, .. } = &self.expectation;
        let bounds = match (min, max) {
            (Some(min), Some(max)) => format!("from {min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => String::new(),
        };
        if *mostly < 1.0 { format!("{bounds} for {:.0} %", mostly * 100.0) } else { bounds }
    }

    /// What was found, in words: the first values that are not as expected.
    #[must_use]
    pub fn told(&self) -> String {
        let samples = self.samples.iter().take(3);
        let listed: Vec<String> =
            samples.map(|sample| format!("{} {}", sample.key, readable(sample.value))).collect();
        match (self.checked, self.unexpected) {
            (0, _) => "nothing to look at".to_owned(),
            (_, 0) => self.observed.map_or_else(String::new, readable),
            (_, unexpected) if unexpected > listed.len() => {
                format!("{} and {} more", listed.join(", "), unexpected - listed.len())
            }
            _ => listed.join(", "),
        }
    }
}

impl Checked {
    /// Turns what forbids training into an error.
    ///
    /// # Errors
    /// [`TrainerError::Invalid`] with every failed expectation of severity `error`.
    pub fn require(&self) -> Result<()> {
        if self.passed {
            return Ok(());
        }
        let forbids = |one: &&Verdict| !one.passed && one.expectation.severity == Severity::Error;
        let problems = self.verdicts.iter().filter(forbids).map(|one| {
            let Expectation { name, remedy, .. } = &one.expectation;
            let remedy = remedy.as_ref().map_or_else(String::new, |remedy| format!(" ({remedy})"));
            format!("expected that {name}: {}, {}{remedy}", one.bound(), one.told())
        });
        Err(TrainerError::Invalid { problems: problems.collect() })
    }
}

/// A value as people read it: whole numbers as such, others with four digits behind the point or as a power of ten.
fn readable(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e9 {
        format!("{value:.0}")
    } else if (1e-3..1e6).contains(&value.abs()) {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}
