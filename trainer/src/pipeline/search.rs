//! The search for shapes as a stage.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use forecast::Task;

use super::Pipeline;
use crate::args::SearchArguments;
use crate::artefact::{read_json, write_json};
use crate::console::table;
use crate::train::recipe::FoundShape;
use crate::train::search::{Found, search};
use crate::{Result, TrainerError};

/// The shapes that were found, by task; `train --shapes` takes it.
const SHAPES: &str = "shapes.json";

impl Pipeline {
    pub(super) fn search(&self, arguments: &SearchArguments) -> Result<()> {
        let started = Instant::now();
        let (task, effort, left_out) =
            (arguments.task, arguments.effort.effort()?, arguments.effort.left_out()?);
        let klines = self.klines()?;
        let mut dataset = self.dataset(&klines, self.split(&klines, arguments.windows.request())?)?;
        drop(klines);
        dataset.leave_out(left_out)?;
        let file = self.folder().join("search").join(format!("{task}.jsonl"));
        let found = search(&dataset, task, effort, arguments.trials, &file, &self.console)?;
        let Some(found) = found else { return Ok(()) };
        let path = self.folder().join(SHAPES);
        let mut shapes: BTreeMap<Task, FoundShape> = match read_json(&path, "search") {
            Err(TrainerError::MissingStage { .. }) => BTreeMap::new(),
            read => read?,
        };
        // Of the trials of this home's own file the search's file knows all.
        let own = arguments.effort.shapes.as_ref().is_some_and(|given| is_same(given, &path));
        let before = effort.shapes.tried().get(&task).copied().filter(|_| !own);
        let tried = tried(found.trials[0], before);
        // Written also if it is the shape that the search began with: that one is then the best of so many.
        shapes.insert(task, FoundShape { shape: found.shape, tried });
        write_json(&path, &shapes)?;
        self.console.report("search", started, &found, || text(&found));
        Ok(())
    }
}

/// How many shapes were tried in all: by a search, and before the shape that it began with, which is one of its own trials.
fn tried(begun: usize, before: Option<u32>) -> u32 {
    let before = before.unwrap_or(1).max(1) - 1;
    u32::try_from(begun).unwrap_or(u32::MAX).saturating_add(before)
}

/// Whether two paths lead to one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

fn text(found: &Found) -> String {
    let Found { task, trials: [begun, finished, given_up], standard_loss, loss, shape } = found;
    let row = vec![
        task.to_string(),
        format!("{begun}, {finished} finished, {given_up} given up"),
        format!("{standard_loss:.6}"),
        format!("{loss:.6}"),
        format!(
            "rate {:.3}, {} leaves of {} rows, {:.2} of rows, {:.2} of columns, ridge {:.1}",
            shape.rate, shape.leaves, shape.leaf_rows, shape.rows_share, shape.columns_share, shape.ridge
        ),
    ];
    table(&["task", "trials", "loss before", "least loss", "its shape"], [row])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_goes_on_from_another_ones_shape_counts_that_ones_trials_too() {
        assert_eq!((tried(40, None), tried(40, Some(1)), tried(40, Some(0))), (40, 40, 40));
        assert_eq!(tried(10, Some(40)), 49, "the shape that it began with is one of both");
    }

    #[test]
    fn one_file_is_known_by_whatever_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("shapes.json");
        std::fs::write(&file, "{}").expect("written");
        assert!(is_same(&folder.path().join("./shapes.json"), &file));
        assert!(!is_same(&folder.path().join("none.json"), &file));
        assert!(!is_same(&folder.path().join("none.json"), &folder.path().join("none.json")));
    }
}
