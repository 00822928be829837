//! What each command does to the artefacts: whether others may do so beside it, and which files it leaves.

use forecast::{CAUSALITY_FILE, LEAKS_FILE, PARITY_FILE};

use super::Pipeline;
use crate::args::{AuditCommand, Command};
use crate::clock::now;
use crate::lock::{Access, TrainingLock};
use crate::runs::note_alone;
use crate::{Result, trained};

/// A command that works on the artefacts.
pub(super) struct Use {
    access: Access,
    name: &'static str,
    /// What is noted of it for the lineage of what is published later; a whole run keeps its own record.
    leaves: Option<Vec<String>>,
}

impl Use {
    /// Of a command; `None` if it leaves the artefacts alone.
    pub(super) fn of(command: &Command) -> Option<Self> {
        let alone = |name, files: &[&str]| {
            let leaves = Some(files.iter().map(|file| (*file).to_owned()).collect());
            Some(Self { access: Access::Alone, name, leaves })
        };
        match command {
            Command::Run(_) => Some(Self { access: Access::Alone, name: "run", leaves: None }),
            Command::Quality => alone("quality", &["quality.json"]),
            Command::Validate(_) => alone("validate", &["validation.json"]),
            Command::Audit(AuditCommand::Causality(_)) => alone("audit causality", &[CAUSALITY_FILE]),
            Command::Audit(AuditCommand::Leaks(_)) => alone("audit leaks", &[LEAKS_FILE]),
            Command::Audit(AuditCommand::Parity(parity)) if parity.trained => {
                alone("audit parity", &[PARITY_FILE])
            }
            Command::Train(train) if train.part.part().is_some() => {
                Some(Self { access: Access::Beside, name: "train", leaves: None })
            }
            Command::Search(_) => Some(Self { access: Access::Beside, name: "search", leaves: None }),
            Command::Train(_) => {
                Some(Self { access: Access::Alone, name: "train", leaves: Some(trained::files()) })
            }
            Command::Evaluate(_) => alone("evaluate", &["evaluation.json", "evaluation.html"]),
            Command::Publish => alone("publish", &[]),
            Command::Prune(_) => Some(Self { access: Access::Alone, name: "prune", leaves: None }),
            Command::Promote(promote) if !promote.print_gates => alone("promote", &[]),
            _ => None,
        }
    }
}

impl Pipeline {
    /// Does what works on the artefacts, with their lock held.
    pub(super) fn using(&self, using: Option<Use>, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let Some(Use { access, name, leaves }) = using else { return work() };
        let _held = TrainingLock::take(&self.folder(), access, name)?;
        let began = now();
        work()?;
        match leaves {
            Some(files) => note_alone(&self.folder(), name, &files, began),
            None => Ok(()),
        }
    }
}
