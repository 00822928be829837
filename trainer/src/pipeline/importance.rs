//! The features ranked by what they have done in the last training, and the weak ones as a list to leave out.

use std::time::Instant;

use super::Pipeline;
use crate::args::RankArguments;
use crate::artefact::write_bytes;
use crate::walk_report::Importance;
use crate::{Result, report, trained};

impl Pipeline {
    /// Reads what training left, and writes the list if one is asked for.
    pub(super) fn rank(&self, arguments: &RankArguments) -> Result<()> {
        let started = Instant::now();
        let found: Importance = trained::load_importance(&self.folder())?;
        if let Some(path) = &arguments.weak {
            let below = arguments.weak_below;
            let weak = found.weak(below);
            let mut text =
                format!("# {} features with less than {below} of the gain in every task\n", weak.len());
            for name in weak {
                text.push_str(name);
                text.push('\n');
            }
            write_bytes(path, text.as_bytes())?;
        }
        self.console.report("features ranked", started, &found, || report::importance(&found));
        Ok(())
    }
}
