//! The registry's models, reload and promotion.

use std::fmt;
use std::sync::Arc;

use forecast::BundleDigest;
use store::{Alias, How, Stage};

use super::Service;
use crate::champion::Reloaded;
use crate::model_info::ModelInfo;
use crate::reason::{Reason, Refusal};
use crate::stores::Stores;

/// A change in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promotion {
    /// The model.
    pub version: u64,
    /// The stage to set.
    pub stage: Option<Stage>,
    /// The alias to point at it.
    pub alias: Option<Alias>,
}

impl fmt::Display for Promotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}", self.version)?;
        if let Some(stage) = self.stage {
            write!(f, ", stage {stage}")?;
        }
        if let Some(alias) = self.alias {
            write!(f, ", alias {alias}")?;
        }
        Ok(())
    }
}

impl Service {
    /// Digest of the bundle that answers.
    #[must_use]
    pub fn champion_digest(&self) -> Option<BundleDigest> {
        self.shared.champion.load().bundle.as_ref().map(|bundle| bundle.digest())
    }

    /// The registry's models, the newest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn models(&self) -> Result<Vec<ModelInfo>, Refusal> {
        let serving = self.champion_digest();
        self.with_store(move |stores| {
            let mut models = stores.models()?;
            for model in &mut models {
                model.serving = Some(model.digest) == serving;
            }
            Ok(models)
        })
        .await
    }

    /// Takes up the registry's champion now.
    ///
    /// # Errors
    /// No champion, or a bundle that does not hold; what answered before goes on answering.
    pub async fn reload(&self) -> Result<Reloaded, Refusal> {
        self.champion.reload(None).await
    }

    /// Changes a model's stage or alias, and takes it up if that makes it the champion. The production stage makes it
    /// the champion when no alias is named. `who` asked for it, which is noted in the registry.
    ///
    /// # Errors
    /// An unknown model, nothing to change, or a bundle that does not hold: then the registry is as it was.
    pub async fn promote(&self, promotion: Promotion, who: Option<&str>) -> Result<ModelInfo, Refusal> {
        self.change(promotion, How::Command.by(who)).await
    }

    async fn change(&self, promotion: Promotion, how: String) -> Result<ModelInfo, Refusal> {
        let Promotion { version, stage, alias } = promotion;
        let alias = match (stage, alias) {
            (None, None) => {
                let message = "a promotion names neither a stage nor an alias";
                return Err(Refusal::new(Reason::MalformedRequest, message).with("stage", ""));
            }
            (Some(Stage::Production), None) => Some(Alias::Champion),
            (_, alias) => alias,
        };
        let mut verified = None;
        if alias == Some(Alias::Champion) {
            // Nothing is written before the bundle has been read and has held.
            verified = Some(self.with_store(move |stores| stores.verified(version)).await?);
        }
        self.with_store(move |stores| stores.promote(version, (stage, alias), &how)).await?;
        if verified.is_some() {
            self.champion.reload(verified.map(Arc::new)).await?;
        }
        let models = self.models().await?;
        models
            .into_iter()
            .find(|model| model.version == version)
            .ok_or_else(|| Stores::unknown_model(version))
    }

    /// Makes the model the champion again that was it before, and takes it up. `who` asked for it.
    ///
    /// # Errors
    /// [`Reason::NoPrevious`], or a bundle that does not hold any more: then the registry is as it was.
    pub async fn roll_back(&self, who: Option<&str>) -> Result<ModelInfo, Refusal> {
        let (from, version) = self.with_store(Stores::champion_before).await?;
        let promotion = Promotion { version, stage: Some(Stage::Production), alias: None };
        self.change(promotion, How::Rollback { from }.by(who)).await
    }
}
