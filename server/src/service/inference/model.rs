//! Which models there are, and which of them a request means.

use std::sync::Arc;

use forecast::{BundleDigest, Task};

use super::super::Service;
use crate::reason::{Reason, Refusal, shorten};
use crate::state::{ChampionView, ServingState};

/// A model of the protocol: one task, or every task at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InferModel {
    /// One task.
    Task(Task),
    /// Every task of the bundle.
    All,
}

impl InferModel {
    /// How many models there are.
    pub const COUNT: usize = Task::COUNT + 1;

    /// Every model, in the order of every list.
    pub fn every() -> impl Iterator<Item = Self> {
        Task::ALL.into_iter().map(Self::Task).chain([Self::All])
    }

    /// The name: the task's, or `all`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Task(task) => task.name(),
            Self::All => "all",
        }
    }

    /// The model's place in [`InferModel::every`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Task(task) => task.index(),
            Self::All => Task::COUNT,
        }
    }

    /// The tasks that it answers.
    pub fn tasks(self) -> impl Iterator<Item = Task> {
        Task::ALL.into_iter().filter(move |task| self == Self::All || self == Self::Task(*task))
    }

    /// The model of a name.
    ///
    /// # Errors
    /// [`Reason::UnknownModel`].
    pub fn named(name: &str) -> Result<Self, Refusal> {
        Self::every().find(|model| model.name() == name).ok_or_else(|| {
            let (name, known) = (shorten(name), Self::every().map(Self::name).collect::<Vec<_>>().join(", "));
            let message = format!("model {name:?} is not served, known are {known}");
            Refusal::new(Reason::UnknownModel, message).with("model", name).with("known", known)
        })
    }
}

/// A model that a request means, and the bundle that answered when it came in.
#[derive(Debug, Clone)]
pub struct ServedModel {
    /// The model.
    pub model: InferModel,
    /// Whether the request named the version, so that no other may answer.
    pub is_pinned: bool,
    champion: Arc<ChampionView>,
}

impl ServedModel {
    /// The version that answers; none without a bundle.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        self.champion.bundle.as_ref()?;
        self.champion.version.map(|version| version.to_string())
    }

    /// What answers.
    #[must_use]
    pub fn champion(&self) -> &ChampionView {
        &self.champion
    }

    /// The digest of the bundle that answers.
    #[must_use]
    pub fn digest(&self) -> Option<BundleDigest> {
        self.champion.bundle.as_ref().map(|bundle| bundle.digest())
    }

    /// The tasks that it answers now: of `all` those of the bundle.
    pub fn tasks(&self) -> impl Iterator<Item = Task> {
        let bundle = self.champion.bundle.as_ref();
        let lacks = move |task: Task| bundle.is_some_and(|bundle| bundle.manifest().task(task).is_none());
        self.model.tasks().filter(move |task| self.model != InferModel::All || !lacks(*task))
    }
}

impl Service {
    /// The model of a name and version; an empty version means the one that answers.
    ///
    /// # Errors
    /// [`Reason::UnknownModel`] for a name that is none, or a version that does not answer.
    pub fn infer_model(&self, name: &str, version: &str) -> Result<ServedModel, Refusal> {
        let model = InferModel::named(name)?;
        let champion = self.shared().champion.load_full();
        let served = ServedModel { model, is_pinned: !version.is_empty(), champion };
        match served.version() {
            _ if version.is_empty() => Ok(served),
            Some(known) if known == version => Ok(served),
            known => {
                let version = shorten(version);
                let known = known.unwrap_or_else(|| "none".to_owned());
                let message = format!("version {version:?} of model {name} does not answer, {known} does");
                let refusal = Refusal::new(Reason::UnknownModel, message).with("model", name);
                Err(refusal.with("version", version).with("known", known))
            }
        }
    }

    /// Why a model can't be asked now; `None` if it can.
    #[must_use]
    pub fn infer_problem(&self, served: &ServedModel) -> Option<String> {
        let state = *self.shared().serving().borrow();
        let bundle = served.champion.bundle.as_ref();
        match (state, bundle) {
            (ServingState::Draining, _) => Some("the server is stopping".to_owned()),
            (ServingState::Starting, _) | (_, None) => Some(self.shared().waiting_for().join("; ")),
            (ServingState::Serving, Some(bundle)) => match served.model {
                InferModel::Task(task) if bundle.manifest().task(task).is_none() => {
                    Some(format!("bundle {} does not have the task", bundle.digest().short()))
                }
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_a_model_and_all_is_one() {
        let names: Vec<&str> = InferModel::every().map(InferModel::name).collect();
        assert_eq!(names.len(), InferModel::COUNT);
        for (index, name) in names.iter().enumerate() {
            assert_eq!(InferModel::named(name).map(InferModel::index), Ok(index));
        }
        assert_eq!(InferModel::All.tasks().count(), Task::COUNT);
        let refusal = InferModel::named("return_2step").expect_err("no model");
        assert!(refusal.reason == Reason::UnknownModel && refusal.message.contains("return_16step"));
    }

    #[test]
    fn a_version_that_does_not_answer_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let service = crate::testing::service(home.path());
        assert!(service.infer_model("all", "").is_ok_and(|served| served.version().is_none()));
        let refusal = service.infer_model("all", "3").expect_err("no bundle");
        assert!(refusal.message.contains("\"3\"") && refusal.message.contains("none does"), "{refusal}");
        let served = service.infer_model("return_1step", "").expect("a model");
        assert!(service.infer_problem(&served).is_some_and(|why| why.contains("no bundle is loaded")));
    }
}
