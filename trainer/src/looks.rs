//! Who has looked at a test window: every model that is scored on one is written down, for the best of many looks better than it is.
//!
//! A model is named by what it answers, so that who is scored again, before or after it is published, is counted once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use forecast::{Bands, Bundle, Calibration, Stacking, Task};
use kline::Milliseconds;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audit::BoosterFile;
use crate::machine::digest;
use crate::split::Window;
use crate::trained::Trained;
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

/// What a model answers by, as a hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Likeness(String);

impl Likeness {
    /// Of what training left behind.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn of_trained(trained: &Trained) -> Result<Self> {
        let files = BoosterFile::of_trained(trained);
        let sums = files.into_iter().map(|file| (file.name, hex::encode(Sha256::digest(file.served))));
        Self::of(sums.collect(), (&trained.stacking, &trained.calibration, &trained.bands))
    }

    /// Of a bundle: the same as of what it was made of.
    ///
    /// # Errors
    /// As [`Likeness::of_trained`].
    pub fn of_bundle(bundle: &Bundle) -> Result<Self> {
        let manifest = bundle.manifest();
        let boosters = manifest.tasks.iter().flat_map(|entry| [&entry.lightgbm.file, &entry.xgboost.file]);
        let sums = boosters.filter_map(|file| Some((file.clone(), manifest.files.get(file)?.sha256.clone())));
        Self::of(sums.collect(), (bundle.stacking(), bundle.calibration(), bundle.bands()))
    }

    fn of(
        boosters: BTreeMap<String, String>,
        combination: (&Stacking, &Calibration, &Bands),
    ) -> Result<Self> {
        let failed = |source| TrainerError::Io { path: PathBuf::from(FILE), act: "written", source };
        digest(&(boosters, combination)).map(Self).map_err(failed)
    }
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Look {
    model: Likeness,
    window: Window,
    at: Milliseconds,
}

/// The file of one home, `training/looks.jsonl`: one JSON line a model and test window, appended under a lock.
#[derive(Debug)]
pub struct Looks {
    path: PathBuf,
}

impl Looks {
    /// That of a folder of artefacts.
    #[must_use]
    pub fn of(training: &Path) -> Self {
        Self { path: training.join(FILE) }
    }

    /// Notes that a model is looked at on a test window, once however often that is; answers how many other models were looked at
    /// on any of its bars.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn note(&self, model: &Likeness, window: Window, at: Milliseconds) -> Result<u32> {
        let mut file = self.open()?;
        file.lock().map_err(self.io("locked"))?;
        let known = self.known(&mut file)?;
        if !known.iter().any(|look| look.model == *model && look.window == window) {
            let look = Look { model: model.clone(), window, at };
            let text = serde_json::to_string(&look).map_err(|error| self.io("written")(error.into()))?;
            // A line of its own, even after one that a kill cut off.
            file.write_all(format!("\n{text}\n").as_bytes()).map_err(self.io("written"))?;
            file.sync_data().map_err(self.io("written"))?;
        }
        let shares_bars = |look: &&Look| look.window.from <= window.until && window.from <= look.window.until;
        let others = known.iter().filter(shares_bars).map(|look| &look.model).filter(|other| *other != model);
        Ok(u32::try_from(others.collect::<BTreeSet<_>>().len()).unwrap_or(u32::MAX))
    }

    fn open(&self) -> Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(self.io("made"))?;
        }
        let options = OpenOptions::new().read(true).append(true).create(true).open(&self.path);
        options.map_err(self.io("opened"))
    }

    fn known(&self, file: &mut File) -> Result<Vec<Look>> {
        let mut text = String::new();
        file.seek(SeekFrom::Start(0)).map_err(self.io("read"))?;
        file.read_to_string(&mut text).map_err(self.io("read"))?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    fn io(&self, act: &'static str) -> impl FnOnce(std::io::Error) -> TrainerError + use<> {
        let path = self.path.clone();
        move |source| TrainerError::Io { path, act, source }
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
        Likeness(name.to_owned())
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
        let mut file =
            OpenOptions::new().append(true).open(folder.path().join("looks.jsonl")).expect("the file");
        file.write_all(b"{\"model\": \"b\", \"win").expect("cut off");
        assert_eq!(looks.note(&model("b"), window(0, 9), 2).expect("a file"), 1);
        assert_eq!(looks.note(&model("c"), window(0, 9), 3).expect("a file"), 2);
    }

    #[test]
    fn trials_are_the_shapes_and_the_other_models() {
        let tried = Tried { other_models: 3, shapes: BTreeMap::from([(Task::Direction4Step, 40)]) };
        assert_eq!((tried.of(Task::Direction4Step), tried.of(Task::Return1Step)), (43, 4));
        assert_eq!(Tried::default().of(Task::Return1Step), 1);
    }
}
