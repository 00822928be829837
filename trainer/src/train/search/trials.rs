//! Trials on disk: one JSON line each, appended under a lock, so that a search goes on where it was and several processes
//! share one.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::space::Point;
use crate::{Result, TrainerError};

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// From 0, in the order in which they were begun.
    pub number: usize,
    /// What was tried.
    pub point: Point,
    /// The loss of each fold that was walked; empty while it runs, and for one that was interrupted.
    pub losses: Vec<f64>,
    /// Whether all folds were walked; else it was given up or is running.
    pub finished: bool,
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
pub struct Trials {
    path: PathBuf,
}

impl Trials {
    /// The file at a path, which need not be there.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// What is known, one entry a number, the latest line of each.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn read(&self) -> Result<Vec<Trial>> {
        let mut file = self.open()?;
        self.known(&mut file)
    }

    /// Begins the next trial: `choose` hears its number and what is known. `None` when there are enough.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn begin(
        &self,
        most: usize,
        choose: impl FnOnce(usize, &[Trial]) -> Point,
    ) -> Result<Option<(usize, Point)>> {
        let mut file = self.open()?;
        file.lock().map_err(self.io("locked"))?;
        let known = self.known(&mut file)?;
        // One that was begun and has nothing to show was interrupted with the process, or runs in another one.
        let number = known.iter().map(|trial| trial.number + 1).max().unwrap_or(0);
        if number >= most {
            return Ok(None);
        }
        let point = choose(number, &known);
        self.append(&mut file, &Trial { number, point, losses: Vec::new(), finished: false })?;
        Ok(Some((number, point)))
    }

    /// Writes what a trial has shown.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn end(&self, trial: &Trial) -> Result<()> {
        let mut file = self.open()?;
        file.lock().map_err(self.io("locked"))?;
        self.append(&mut file, trial)
    }

    fn open(&self) -> Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(self.io("made"))?;
        }
        let options = OpenOptions::new().read(true).append(true).create(true).open(&self.path);
        options.map_err(self.io("opened"))
    }

    fn known(&self, file: &mut File) -> Result<Vec<Trial>> {
        let mut text = String::new();
        file.seek(SeekFrom::Start(0)).map_err(self.io("read"))?;
        file.read_to_string(&mut text).map_err(self.io("read"))?;
        let mut known: Vec<Trial> = Vec::new();
        // A line that a kill cut off is of a trial that is made again.
        for trial in text.lines().filter_map(|line| serde_json::from_str::<Trial>(line).ok()) {
            match known.iter_mut().find(|before| before.number == trial.number) {
                Some(before) => *before = trial,
                None => known.push(trial),
            }
        }
        known.sort_by_key(|trial| trial.number);
        Ok(known)
    }

    fn append(&self, file: &mut File, trial: &Trial) -> Result<()> {
        let text = serde_json::to_string(trial).map_err(|source| TrainerError::Artefact {
            path: self.path.clone(),
            stage: "search",
            source,
        })?;
        // A line of its own, even after one that was cut off.
        file.write_all(format!("\n{text}\n").as_bytes()).map_err(self.io("written"))?;
        file.sync_data().map_err(self.io("written"))
    }

    fn io(&self, act: &'static str) -> impl FnOnce(std::io::Error) -> TrainerError + use<> {
        let path: &Path = &self.path;
        let path = path.to_owned();
        move |source| TrainerError::Io { path, act, source }
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
        let mut file = OpenOptions::new().append(true).open(&path).expect("the file");
        file.write_all(b"{\"number\": 7, \"po").expect("cut off");
        assert_eq!(begin(3).map(|(number, _)| number), Some(2));
        let known = trials.read().expect("the file");
        assert_eq!(known.len(), 3);
        assert_eq!((known[1].loss(), known[0].loss()), (2.0, f64::INFINITY));
    }
}
