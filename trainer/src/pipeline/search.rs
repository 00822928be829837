//! The search for shapes as a stage.

use std::collections::BTreeMap;
use std::time::Instant;

use forecast::Task;

use super::Pipeline;
use crate::args::SearchArguments;
use crate::artefact::{read_json, write_json};
use crate::console::table;
use crate::train::recipe::Shape;
use crate::train::search::{Found, search};
use crate::{Result, TrainerError};

/// The shapes that were found, by task; `train --shapes` takes it.
const SHAPES: &str = "shapes.json";

impl Pipeline {
    pub(super) fn search(&self, arguments: &SearchArguments) -> Result<()> {
        let started = Instant::now();
        let klines = self.klines()?;
        let mut dataset = self.dataset(&klines, self.split(&klines, arguments.windows.request())?);
        drop(klines);
        dataset.leave_out(arguments.effort.left_out()?);
        let (task, effort) = (arguments.task, arguments.effort.effort()?);
        let file = self.folder().join("search").join(format!("{task}.jsonl"));
        let found = search(&dataset, task, effort, arguments.trials, &file, &self.console)?;
        let Some(found) = found else { return Ok(()) };
        if found.loss < found.standard_loss {
            let path = self.folder().join(SHAPES);
            let mut shapes: BTreeMap<Task, Shape> = match read_json(&path, "search") {
                Err(TrainerError::MissingStage { .. }) => BTreeMap::new(),
                read => read?,
            };
            shapes.insert(task, found.shape);
            write_json(&path, &shapes)?;
        }
        self.console.report("search", started, &found, || text(&found));
        Ok(())
    }
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
