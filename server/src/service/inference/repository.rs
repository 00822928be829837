//! The registry as the protocol's repository of models.

use super::super::Service;
use super::model::{InferModel, ServedModel};
use crate::champion::Reloaded;
use crate::reason::{Reason, Refusal, shorten};

/// The name of the only repository.
pub const REPOSITORY: &str = "klinecast";

/// A model of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its name.
    pub name: &'static str,
    /// The version that answers; empty without a bundle.
    pub version: String,
    /// Why it can't be asked; `None` if it can.
    pub problem: Option<String>,
}

impl IndexEntry {
    /// The protocol's name of its state.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        if self.problem.is_none() { "READY" } else { "UNAVAILABLE" }
    }
}

impl Service {
    /// The models, or only those that can be asked.
    ///
    /// # Errors
    /// [`Reason::UnknownModel`] for a repository that is not ours.
    pub fn infer_index(&self, repository: &str, only_ready: bool) -> Result<Vec<IndexEntry>, Refusal> {
        check_repository(repository)?;
        let entry = |model: InferModel| {
            let served: ServedModel = self.infer_model(model.name(), "")?;
            let problem = self.infer_problem(&served);
            Ok(IndexEntry { name: model.name(), version: served.version().unwrap_or_default(), problem })
        };
        let entries = InferModel::every().map(entry).collect::<Result<Vec<_>, Refusal>>()?;
        Ok(entries.into_iter().filter(|entry| !only_ready || entry.problem.is_none()).collect())
    }

    /// Takes up the registry's champion, which is every model's.
    ///
    /// # Errors
    /// An unknown model or repository; parameters, which would be a model of the caller's own; what a reload is refused for.
    pub async fn infer_load(
        &self,
        repository: &str,
        model: &str,
        has_parameters: bool,
    ) -> Result<Reloaded, Refusal> {
        check_repository(repository)?;
        InferModel::named(model)?;
        if has_parameters {
            let message =
                "a model is loaded from the registry, not from a configuration or files of the caller";
            return Err(Refusal::new(Reason::Unsupported, message).with("model", shorten(model)));
        }
        self.reload().await
    }

    /// Refuses to unload a model.
    ///
    /// # Errors
    /// Always: an unknown model or repository, or why a known one stays.
    pub fn infer_unload(&self, repository: &str, model: &str) -> Refusal {
        match check_repository(repository).and_then(|()| InferModel::named(model)) {
            Err(refusal) => refusal,
            Ok(model) => {
                let name = model.name();
                let message = format!(
                    "model {name} is not unloaded: a bundle answers all of its tasks; promote another bundle"
                );
                Refusal::new(Reason::Unsupported, message).with("model", name)
            }
        }
    }
}

fn check_repository(name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name == REPOSITORY {
        return Ok(());
    }
    let name = shorten(name);
    let message = format!("repository {name:?} is not known, known is {REPOSITORY}");
    Err(Refusal::new(Reason::UnknownModel, message).with("repository", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_index_lists_every_model_and_nothing_else_is_loaded_or_unloaded() {
        let home = tempfile::tempdir().expect("a folder");
        let service = crate::testing::service(home.path());
        let all = service.infer_index("", false).expect("an index");
        assert_eq!(all.len(), InferModel::COUNT);
        assert!(all.iter().all(|entry| entry.state() == "UNAVAILABLE" && entry.version.is_empty()));
        assert_eq!(service.infer_index(REPOSITORY, true), Ok(Vec::new()));
        assert!(service.infer_index("other", false).is_err());
        let load = async |repository, model, parameters| {
            service.infer_load(repository, model, parameters).await.expect_err("refused").reason
        };
        assert_eq!(load("", "return_2step", false).await, Reason::UnknownModel);
        assert_eq!(load("other", "all", false).await, Reason::UnknownModel);
        assert_eq!(load("", "all", true).await, Reason::Unsupported);
        assert_eq!(service.infer_unload("", "all").reason, Reason::Unsupported);
        assert_eq!(service.infer_unload("", "nothing").reason, Reason::UnknownModel);
    }
}
