//! Who has looked at a test window: every model that is scored on one is written down, for the best of many looks better than it is.
//!
//! A model is named by what it answers, so that who is scored again, before or after it is published, is counted once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use forecast::{Bands, Bundle, Calibration, LightGbmShare, Stacking, Task};
use kline::Milliseconds;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::json_lines::JsonLines;
use crate::machine::digest;
use crate::split::Window;
use crate::trained::{BoosterFile, Trained};
use crate::{Result, TrainerError};

/// The parameter of a bundle's manifest that says how many shapes were tried for it, by task.
pub const SHAPES_TRIED: &str = "shapes_tried";

const FILE: &str = "looks.jsonl";

/// How much was tried before a model was shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Other models that were scored on bars of the same test window in this home.
    pub other_models: u32,
    /// The shapes that a search tried before it came to the one that is used, by task; a task that was not searched is not named.
    pub shapes: BTreeMap<Task, u32>,
}

impl Tried {
    /// The number of trials that a task's model is the best of: its shapes, and the other models. An upper bound, for trials are
    /// alike, and a search looks at the folds, not at the test window.
    #[must_use]
    pub fn of(&self, task: Task) -> u32 {
        self.shapes.get(&task).copied().unwrap_or(1).max(1).saturating_add(self.other_models)
    }
}

/// What a model answers by, as hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// Of all of it. Where no task has a share of its own it is the other one.
    whole: String,
    /// Without the boosters' shares, as earlier programs wrote it.
    without_shares: String,
}

/// The tasks whose answers are no plain means, and LightGBM's share of them.
type Shares = BTreeMap<Task, LightGbmShare>;

impl Likeness {
    /// Of what training left behind.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn of_trained(trained: &Trained) -> Result<Self> {
        let files = BoosterFile::of_trained(trained);
        let sums = files.into_iter().map(|file| (file.name, hex::encode(Sha256::digest(file.served))));
        let shares = trained.tasks.iter().filter_map(|one| Some((one.task, one.lightgbm_share?)));
        let combination = (&trained.stacking, &trained.calibration, &trained.bands);
        Self::of(&sums.collect(), combination, &shares.collect())
    }

    /// Of a bundle: the same as of what it was made of.
    ///
    /// # Errors
    /// As [`Likeness::of_trained`].
    pub fn of_bundle(bundle: &Bundle) -> Result<Self> {
        let manifest = bundle.manifest();
        let boosters = manifest.tasks.iter().flat_map(|entry| [&entry.lightgbm.file, &entry.xgboost.file]);
        let sums = boosters.filter_map(|file| Some((file.clone(), manifest.files.get(file)?.sha256.clone())));
        let shares = manifest.tasks.iter().filter_map(|entry| Some((entry.task, entry.lightgbm_share?)));
        let combination = (bundle.stacking(), bundle.calibration(), bundle.bands());
        Self::of(&sums.collect(), combination, &shares.collect())
    }

    fn of(
        boosters: &BTreeMap<String, String>,
        combination: (&Stacking, &Calibration, &Bands),
        shares: &Shares,
    ) -> Result<Self> {
        let failed = |source| TrainerError::Io { path: PathBuf::from(FILE), act: "written", source };
        let without_shares = digest(&(boosters, combination)).map_err(failed)?;
        let whole = match shares.is_empty() {
            true => without_shares.clone(),
            false => digest(&(boosters, combination, shares)).map_err(failed)?,
        };
        Ok(Self { whole, without_shares })
    }
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Look {
    model: String,
    /// Whether the model is named by its shares too; lines of earlier programs have no word of it.
    #[serde(default)]
    shares: bool,
    window: Window,
    at: Milliseconds,
}

impl Look {
    /// Whether it is of this model, as far as the line tells.
    fn is_of(&self, model: &Likeness) -> bool {
        let name = if self.shares { &model.whole } else { &model.without_shares };
        self.model == *name
    }

    /// Whether it is of the same window or one that has bars of it.
    fn shares_bars(&self, window: Window) -> bool {
        self.window.from <= window.until && window.from <= self.window.until
    }
}

/// The file of one home, `training/looks.jsonl`: one JSON line a model and test window, appended under a lock.
#[derive(Debug)]
pub struct Looks(JsonLines);

impl Looks {
    /// That of a folder of artefacts.
    #[must_use]
    pub fn of(training: &Path) -> Self {
        Self(JsonLines::at(training.join(FILE)))
    }

    /// Notes that a model is looked at on a test window, once however often that is; answers how many other models were looked at
    /// on any of its bars.
    ///
    /// # Errors
    /// When the file can't be read or written, or is damaged.
    pub fn note(&self, model: &Likeness, window: Window, at: Milliseconds) -> Result<u32> {
        let mut lines = self.0.hold()?;
        let (mut is_noted, mut others) = (false, BTreeSet::new());
        lines.read(|look: Look| {
            is_noted |= look.shares && look.model == model.whole && look.window == window;
            if look.shares_bars(window) && !look.is_of(model) {
                others.insert(look.model);
            }
        })?;
        if !is_noted {
            lines.append(&Look { model: model.whole.clone(), shares: true, window, at })?;
        }
        Ok(u32::try_from(others.len()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use kline::{BarTime, Interval};

    use super::*;

    fn window(from: i64, until: i64) -> Window {
        let bar = |index: i64| BarTime::last_closed((index + 1) * 900_000, Interval::M15);
        Window { from: bar(from), until: bar(until) }
    }

    fn model(name: &str) -> Likeness {
        Likeness { whole: name.to_owned(), without_shares: name.to_owned() }
    }

    #[test]
    fn each_other_model_on_bars_of_the_window_counts_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let looks = || Looks::of(&folder.path().join("training"));
        let note =
            |name: &str, (from, until)| looks().note(&model(name), window(from, until), 7).expect("a file");
        assert_eq!(note("a", (100, 200)), 0);
        assert_eq!(note("a", (100, 200)), 0, "itself is no other");
        assert_eq!(note("b", (100, 200)), 1);
        assert_eq!(note("b", (150, 260)), 1, "another window of the same models");
        assert_eq!(note("c", (200, 300)), 2, "one bar is shared with both");
        assert_eq!(note("d", (261, 280)), 1, "only c has seen these bars");
        assert_eq!(note("e", (301, 400)), 0, "fresh bars");
        assert_eq!(note("a", (100, 200)), 2, "b and c came since");
        let text = std::fs::read_to_string(folder.path().join("training/looks.jsonl")).expect("the file");
        assert_eq!(text.lines().filter(|line| !line.is_empty()).count(), 6, "{text}");
    }

    #[test]
    fn a_line_that_was_cut_off_is_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let looks = Looks::of(folder.path());
        looks.note(&model("a"), window(0, 9), 1).expect("a file");
        let path = folder.path().join("looks.jsonl");
        let text = std::fs::read_to_string(&path).expect("the file");
        std::fs::write(&path, format!("{text}{{\"model\": \"b\", \"win")).expect("cut off");
        assert_eq!(looks.note(&model("b"), window(0, 9), 2).expect("a file"), 1);
        assert_eq!(looks.note(&model("c"), window(0, 9), 3).expect("a file"), 2);
    }

    /// The likeness of two tasks' boosters with these shares of the first task.
    fn shared(share: Option<f64>) -> Likeness {
        let boosters = BTreeMap::from([("boosters/a".to_owned(), "sum".to_owned())]);
        let share = share.map(|share| (Task::Return1Step, LightGbmShare::nearest(share)));
        let combination = (&Stacking::default(), &Calibration::default(), &Bands::default());
        Likeness::of(&boosters, combination, &share.into_iter().collect()).expect("a hash")
    }

    #[test]
    fn models_that_differ_by_a_share_alone_are_two() {
        let [mean, one, other] = [None, Some(0.25), Some(0.75)].map(shared);
        assert_eq!(mean.whole, mean.without_shares);
        assert_eq!(shared(Some(0.25)), one);
        let folder = tempfile::tempdir().expect("a folder");
        let looks = Looks::of(folder.path());
        let note = |model| looks.note(model, window(0, 9), 1).expect("a file");
        assert_eq!([note(&mean), note(&one), note(&other)], [0, 1, 2]);
        assert_eq!([note(&mean), note(&one), note(&other)], [2, 2, 2]);
    }

    #[test]
    fn lines_of_earlier_programs_count_as_the_model_whatever_its_shares() {
        let [mean, one] = [None, Some(0.25)].map(shared);
        let folder = tempfile::tempdir().expect("a folder");
        let window = window(0, 9);
        let text = serde_json::to_string(&window).expect("JSON");
        let line = |model: &str| format!("\n{{\"model\":\"{model}\",\"window\":{text},\"at\":7}}\n");
        let lines = [line(&mean.without_shares), line("another")].concat();
        std::fs::write(folder.path().join("looks.jsonl"), lines).expect("written");
        let looks = Looks::of(folder.path());
        assert_eq!(looks.note(&one, window, 8).expect("a file"), 1, "itself, and another");
        assert_eq!(looks.note(&mean, window, 8).expect("a file"), 2);
        assert_eq!(looks.note(&one, window, 8).expect("a file"), 2);
    }

    #[test]
    fn a_damaged_line_is_told_and_nothing_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let looks = Looks::of(folder.path());
        let path = folder.path().join("looks.jsonl");
        std::fs::write(&path, "{\"model\":\"a\",\"window\":7,\"at\":7}\n").expect("written");
        let told = looks.note(&model("b"), window(0, 9), 1).expect_err("damage").to_string();
        assert!(told.starts_with(&format!("line 1 of {} is damaged", path.display())), "{told}");
    }

    #[test]
    fn trials_are_the_shapes_and_the_other_models() {
        let tried = Tried { other_models: 3, shapes: BTreeMap::from([(Task::Direction4Step, 40)]) };
        assert_eq!((tried.of(Task::Direction4Step), tried.of(Task::Return1Step)), (43, 4));
        assert_eq!(Tried::default().of(Task::Return1Step), 1);
    }
}
