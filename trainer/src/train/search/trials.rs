//! Trials on disk: one JSON line each, appended under a lock, so that a search goes on where it was and several processes
//! share one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::space::Point;
use crate::TrainerError;
use crate::json_lines::JsonLines;

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// From 0, in the order in which they were begun.
    pub number: usize,
    /// What was tried.
    pub point: Point,
    /// The loss of each fold that was walked; empty while it runs, and for one that was interrupted.
    #[serde(deserialize_with = "losses")]
    pub losses: Vec<f64>,
    /// Whether all folds were walked; else it was given up or is running.
    pub finished: bool,
}

/// A loss that is no number has no number in JSON either: it is `null`, and as bad as can be.
fn losses<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let losses = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(losses.into_iter().map(|loss| loss.unwrap_or(f64::INFINITY)).collect())
}

impl Trial {
    /// The mean loss over all folds; infinite for one that was not finished.
    #[must_use]
    pub fn loss(&self) -> f64 {
        if !self.finished || self.losses.is_empty() {
            return f64::INFINITY;
        }
        self.losses.iter().sum::<f64>() / self.losses.len() as f64
    }
}

/// The file of one search.
#[derive(Debug)]
pub struct Trials(JsonLines);

/// One entry a number, the latest line of each. What a kill cut off is of a trial that is made again.
#[derive(Default)]
struct Known(BTreeMap<usize, Trial>);

impl Known {
    fn take(&mut self, trial: Trial) {
        self.0.insert(trial.number, trial);
    }

    fn in_order(self) -> Vec<Trial> {
        self.0.into_values().collect()
    }
}

impl Trials {
    /// The file at a path, which need not be there.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self(JsonLines::at(path))
    }

    /// What is known, one entry a number, the latest line of each.
    ///
    /// # Errors
    /// When the file can't be read, or is damaged.
    pub fn read(&self) -> Result<Vec<Trial>, TrainerError> {
        let mut known = Known::default();
        self.0.read(|trial| known.take(trial))?;
        Ok(known.in_order())
    }

    /// Begins the next trial: `choose` hears its number and what is known. `None` when there are enough.
    ///
    /// # Errors
    /// When the file can't be read or written, or is damaged.
    pub fn begin(
        &self,
        most: usize,
        choose: impl FnOnce(usize, &[Trial]) -> Point,
    ) -> Result<Option<(usize, Point)>, TrainerError> {
        let mut lines = self.0.hold()?;
        let mut known = Known::default();
        lines.read(|trial| known.take(trial))?;
        let known = known.in_order();
        // One that was begun and has nothing to show was interrupted with the process, or runs in another one.
        let number = known.last().map_or(0, |last| last.number.saturating_add(1));
        if number >= most {
            return Ok(None);
        }
        let point = choose(number, &known);
        lines.append(&Trial { number, point, losses: Vec::new(), finished: false })?;
        Ok(Some((number, point)))
    }

    /// Writes what a trial has shown.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn end(&self, trial: &Trial) -> Result<(), TrainerError> {
        Ok(self.0.hold()?.append(trial)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_numbered_kept_and_survive_a_cut_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("search/volatility.jsonl");
        let trials = Trials::at(path.clone());
        let begin = |most| trials.begin(most, |number, _| Point([number as f64 / 10.0; 6])).expect("a file");
        assert_eq!(begin(2).map(|(number, _)| number), Some(0));
        let (number, point) = begin(2).expect("one more");
        trials.end(&Trial { number, point, losses: vec![1.0, 3.0], finished: true }).expect("written");
        assert_eq!(begin(2), None, "two are enough");
        let text = std::fs::read_to_string(&path).expect("the file");
        std::fs::write(&path, format!("{text}{{\"number\": 7, \"po")).expect("cut off");
        assert_eq!(begin(3).map(|(number, _)| number), Some(2));
        let known = trials.read().expect("the file");
        assert_eq!(known.len(), 3);
        assert_eq!(known.iter().map(|trial| trial.number).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((known[1].loss(), known[0].loss()), (2.0, f64::INFINITY));
    }

    #[test]
    fn a_loss_that_is_no_number_is_the_worst_and_damage_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("volatility.jsonl");
        let trials = Trials::at(path.clone());
        let trial = Trial { number: 0, point: Point([0.5; 6]), losses: vec![f64::NAN, 1.0], finished: true };
        trials.end(&trial).expect("written");
        let known = trials.read().expect("the file");
        assert_eq!(known[0].losses, [f64::INFINITY, 1.0]);
        let text = std::fs::read_to_string(&path).expect("the file");
        std::fs::write(&path, format!("{}\n{text}", text.trim_end().replace('}', "]"))).expect("written");
        let told = trials.read().expect_err("damage").to_string();
        assert!(told.starts_with(&format!("line 1 of {} is damaged", path.display())), "{told}");
    }
}
