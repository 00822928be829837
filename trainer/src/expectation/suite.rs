//! A suite of expectations, as a TOML file.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Measure;
use crate::{Result, TrainerError};

/// The expectations of who names none.
pub const STANDARD: &str = include_str!("standard.toml");

/// What a failed expectation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is trained.
    Error,
    /// A person should look at it.
    Warn,
}

/// What values of a measure have to be like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// A sentence that names it.
    pub name: String,
    /// What it is about.
    pub of: Measure,
    /// Keys that it is about, `*` at an end stands for anything; all without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// The least value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The share of the values that has to lie between them.
    #[serde(default = "whole")]
    pub mostly: f64,
    /// What it means if they do not.
    pub severity: Severity,
    /// What to do then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

const fn whole() -> f64 {
    1.0
}

/// Expectations that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// The expectations, in the order in which they are told.
    #[serde(rename = "expectation")]
    pub expectations: Vec<Expectation>,
}

impl Suite {
    /// The suite of a file, or the standard one.
    ///
    /// # Errors
    /// A file that can't be read or says something else.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let (name, text) = match path {
            None => (Path::new("standard.toml"), STANDARD.to_owned()),
            Some(path) => {
                let io = |source| TrainerError::Io { path: path.to_owned(), act: "read", source };
                (path, std::fs::read_to_string(path).map_err(io)?)
            }
        };
        let refuse = |problem: String| TrainerError::SuiteFile { path: name.to_owned(), problem };
        let suite: Self = toml::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        match suite.problem() {
            Some(problem) => Err(refuse(problem)),
            None => Ok(suite),
        }
    }

    fn problem(&self) -> Option<String> {
        let mut names = BTreeSet::new();
        self.expectations.iter().find_map(|one| {
            let problem =
                one.problem().or_else(|| (!names.insert(&one.name)).then(|| "is there twice".to_owned()));
            problem.map(|problem| format!("the expectation {:?} {problem}", one.name))
        })
    }
}

impl Expectation {
    fn problem(&self) -> Option<String> {
        let bounds = [("min", self.min), ("max", self.max)];
        let wild = bounds.iter().find(|(_, bound)| bound.is_some_and(|bound| !bound.is_finite()));
        if self.name.trim().is_empty() {
            return Some("has no name".to_owned());
        }
        if let Some((name, _)) = wild {
            return Some(format!("has a {name} that is no number"));
        }
        match (self.min, self.max) {
            (None, None) => return Some("has neither min nor max".to_owned()),
            (Some(min), Some(max)) if min > max => {
                return Some(format!("has a min of {min} above its max of {max}"));
            }
            _ => (),
        }
        let mostly = self.mostly;
        (!(mostly > 0.0 && mostly <= 1.0)).then(|| format!("has mostly {mostly}, not above 0 and up to 1"))
    }

    /// Whether it is about a key.
    #[must_use]
    pub fn is_about(&self, key: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| fits(pattern, key))
    }

    /// Whether a value is what is expected.
    #[must_use]
    pub fn expects(&self, value: f64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

fn fits(pattern: &str, key: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => key.contains(pattern.trim_matches('*')),
        (Some(end), None) => key.ends_with(end),
        (None, Some(start)) => key.starts_with(start),
        (None, None) => key == pattern,
    }
}
