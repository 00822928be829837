//! The stores as the server uses them: reads and registry changes, with refusals in place of store errors. Everything
//! here blocks; async code calls it on a blocking thread.

mod renewed_file;

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use forecast::{Bundle, BundleDigest, Journalled, Prediction, Renewed, Resolution, Task};
use kline::{BarTime, Interval, Kline, Symbol};
use store::{
    Alias, Hole, Home, JournalQuery, ModelVersion, PlacedPrediction, Places, Stage, StageStep, StoreError,
    Verification,
};

use crate::clock::wall_time;
use crate::gaps::BARS_MAX;
use crate::model_info::ModelInfo;
use crate::reason::{Reason, Refusal};
use crate::remembered;
use crate::resume::ResumeToken;
use crate::unhurried::Haste;

/// One opened home, shared by the readers. The journal's thread has its own.
#[derive(Debug, Clone)]
pub struct Stores(Arc<Home>);

impl Stores {
    /// Opens the home at a folder, and what is kept elsewhere.
    ///
    /// # Errors
    /// What the store says.
    pub fn open(folder: &Path, places: &Places) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(Home::open_with(folder, places)?)))
    }

    /// Stored klines from bar `from` to bar `until`, both included. A renamed market's begin with those of its old name.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn klines(
        &self,
        symbol: Symbol,
        interval: Interval,
        from: BarTime,
        until: BarTime,
    ) -> Result<Vec<Kline>, Refusal> {
        let mut klines = self.klines_of_name(symbol, interval, from, until)?;
        if let Some(old) = market::renamed::predecessor(symbol) {
            let first = klines.first().map_or(until, |first| first.bar_time(interval));
            if from < first {
                klines.splice(..0, self.klines_of_name(old, interval, from, first.plus(-1, interval))?);
            }
        }
        Ok(klines)
    }

    /// Stored klines that stand under one name, from bar `from` to bar `until`, both included.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn klines_of_name(
        &self,
        symbol: Symbol,
        interval: Interval,
        from: BarTime,
        until: BarTime,
    ) -> Result<Vec<Kline>, Refusal> {
        self.0.klines().range(symbol, interval, Some(from), Some(until)).map_err(|error| failed(&error))
    }

    /// Stores klines.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn write_klines(&self, symbol: Symbol, interval: Interval, klines: &[Kline]) -> Result<(), Refusal> {
        self.0.klines().append(symbol, interval, klines).map(drop).map_err(|error| failed(&error))
    }

    /// The number of the prediction that was journalled first of those about this bar and later ones.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn first_number_from(&self, bar: BarTime) -> Result<Option<i64>, Refusal> {
        self.0.journal().first_number_from(bar).map_err(|error| failed(&error))
    }

    /// Journalled predictions.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn predictions(&self, query: &JournalQuery) -> Result<Vec<Arc<Prediction>>, Refusal> {
        self.0.journal().predictions(query).map_err(|error| failed(&error))
    }

    /// Journalled outcomes.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn resolutions(&self, query: &JournalQuery) -> Result<Vec<Resolution>, Refusal> {
        self.0.journal().resolutions(query).map_err(|error| failed(&error))
    }

    /// The predictions about a symbol of its last journalled bar up to one, in the order of writing.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn predictions_as_of(&self, symbol: Symbol, bar: BarTime) -> Result<Vec<PlacedPrediction>, Refusal> {
        self.0.journal().predictions_as_of(symbol, bar).map_err(|error| failed(&error))
    }

    /// The predictions that were journalled after a number, in the order of writing.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn predictions_after(&self, number: i64, limit: u32) -> Result<Vec<PlacedPrediction>, Refusal> {
        self.0.journal().predictions_after(number, limit).map_err(|error| failed(&error))
    }

    /// Whether a token is of this journal.
    ///
    /// # Errors
    /// [`Reason::Dropped`] if what came after it was dropped; [`Reason::StoreFailed`].
    pub fn knows(&self, token: ResumeToken) -> Result<bool, Refusal> {
        let retention = self.0.retention();
        if let Some(place) = retention.place(Some(token.number)).map_err(|error| failed(&error))? {
            return Ok(token.is_of(place));
        }
        let Some(dropped) = retention.dropped().map_err(|error| failed(&error))? else { return Ok(false) };
        if dropped.last.number > token.number {
            let message = format!(
                "resume token {token} is before what is left of the journal, record {}",
                dropped.last.number
            );
            return Err(Refusal::new(Reason::Dropped, message).with("resume_token", token));
        }
        Ok(token.is_of(dropped.last))
    }

    /// The journalled predictions of one bar, in the order of symbol, bundle, revision.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn predictions_at(&self, bar: BarTime) -> Result<Vec<Arc<Prediction>>, Refusal> {
        let query = JournalQuery { from: Some(bar), until: Some(bar), ..JournalQuery::default() };
        self.0.journal().predictions(&query).map_err(|error| failed(&error))
    }

    /// What was journalled about bars from `from` on, or from earlier if the last process ended so long ago that outcomes of
    /// its predictions are still open.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn journalled(&self, from: BarTime, interval: Interval) -> Result<Journalled, Refusal> {
        let journal = self.0.journal();
        let last = journal.last_predicted_bar(interval).map_err(|error| failed(&error))?;
        let open = last.map(|last| last.plus(-i64::from(Task::LONGEST_HORIZON_STEPS), interval));
        let from = open.map_or(from, |open| open.min(from));
        let query = JournalQuery { from: Some(from), ..JournalQuery::default() };
        let predictions = journal.predictions(&query).map_err(|error| failed(&error))?;
        let resolutions = journal.resolutions(&query).map_err(|error| failed(&error))?;
        Ok(Journalled { predictions, resolutions })
    }

    /// Follows the journal's chain of hashes; see [`store::Journal::verify_while`].
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn verify_journal(
        &self,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Verification>, Refusal> {
        self.0.journal().verify_while(progress).map_err(|error| failed(&error))
    }

    /// What was kept of the gap ledger of these symbols, the latest of each.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn holes(&self, symbols: &[Symbol], interval: Interval) -> Result<Vec<Hole>, Refusal> {
        let beginning = BarTime::last_closed(0, interval);
        let mut holes = Vec::new();
        for &symbol in symbols {
            let found = self.0.gaps().holes(symbol, interval, beginning, BARS_MAX);
            holes.extend(found.map_err(|error| failed(&error))?);
        }
        Ok(holes)
    }

    /// Forgets the gap ledger of all symbols before a bar, of those too that are not followed any more.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn forget_holes_before(&self, interval: Interval, bar: BarTime) -> Result<(), Refusal> {
        self.0.gaps().forget_before(interval, bar).map(drop).map_err(|error| failed(&error))
    }

    /// The state that an earlier process has saved.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn snapshot(&self) -> Result<Option<Vec<u8>>, Refusal> {
        self.0.snapshot().read().map_err(|error| failed(&error))
    }

    /// What is kept of what was renewed for a bundle; `None` if there is nothing.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`] if the file can't be read or does not hold.
    pub fn kept_renewed(&self, bundle: BundleDigest, interval: Interval) -> Result<Option<Renewed>, Refusal> {
        let Some(bytes) = self.0.bands(bundle).read().map_err(|error| failed(&error))? else {
            return Ok(None);
        };
        renewed_file::read(&bytes, bundle, interval)
            .map(Some)
            .map_err(|problem| damaged_renewed(bundle, &problem))
    }

    /// Keeps what was renewed for a bundle in place of what was kept.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`]; what was kept stays.
    pub fn keep_renewed(
        &self,
        bundle: BundleDigest,
        interval: Interval,
        renewed: &Renewed,
    ) -> Result<(), Refusal> {
        let bytes = renewed_file::write(bundle, interval, renewed)
            .map_err(|problem| damaged_renewed(bundle, &problem))?;
        self.0.bands(bundle).replace(&bytes).map_err(|error| failed(&error))
    }

    /// The registry's champion: its number and its bundle.
    ///
    /// # Errors
    /// [`Reason::NoChampion`] or [`Reason::StoreFailed`].
    pub fn champion(&self) -> Result<(u32, BundleDigest), Refusal> {
        let champion = self.0.registry().champion().map_err(|error| failed(&error))?;
        champion
            .map(|model| (model.version, model.bundle))
            .ok_or_else(|| Refusal::new(Reason::NoChampion, "the registry has no champion"))
    }

    /// The champion that was taken up here last, where the registry is on another machine.
    #[must_use]
    pub fn champion_remembered(&self) -> Option<(u32, BundleDigest)> {
        self.0.mlflow().and_then(|_| remembered::read(self.0.folder()))
    }

    /// Remembers the champion that was taken up, where the registry is on another machine.
    pub fn remember_champion(&self, version: u32, digest: BundleDigest) {
        if self.0.mlflow().is_some() {
            remembered::write(self.0.folder(), version, digest);
        }
    }

    /// Reads and verifies a bundle.
    ///
    /// # Errors
    /// [`Reason::BundleRefused`] if it is not there or does not hold, or [`Reason::StoreFailed`].
    pub fn bundle(&self, digest: BundleDigest, haste: Haste) -> Result<Bundle, Refusal> {
        let refuse = |problem: &dyn std::fmt::Display| {
            let message = format!("bundle {} was refused: {problem}", digest.short());
            Refusal::new(Reason::BundleRefused, message).with("bundle", digest)
        };
        let files = self.0.objects().get(digest).map_err(|error| match error {
            StoreError::NoBundle { .. }
            | StoreError::DamagedBundle { .. }
            | StoreError::DamagedFile { .. } => refuse(&error),
            error => failed(&error),
        })?;
        haste
            .reckon(|| Bundle::from_files(files))?
            .map_err(|error| refuse(&error).with("bundle_reason", error.reason()))
    }

    /// The registry's models, the newest first; `serving` is left to the caller.
    ///
    /// # Errors
    /// [`Reason::StoreFailed`].
    pub fn models(&self) -> Result<Vec<ModelInfo>, Refusal> {
        let ways = store::ways(self.0.registry()).map_err(|error| failed(&error))?;
        Ok(ways.into_iter().map(|(version, steps)| self.model(version, steps)).collect())
    }

    fn model(&self, version: ModelVersion, steps: Vec<StageStep>) -> ModelInfo {
        let manifest = self.0.objects().manifest(version.bundle).ok();
        let manifest = manifest.and_then(|manifest| serde_json::from_slice(&manifest).ok());
        ModelInfo {
            version: version.version.into(),
            digest: version.bundle,
            stage: version.stage,
            steps,
            aliases: version.aliases,
            registered_at_ms: version.registered_at,
            metrics: serde_json::to_value(version.metrics).unwrap_or_default(),
            manifest,
            serving: false,
        }
    }

    /// Reads and verifies the bundle of a model.
    ///
    /// # Errors
    /// [`Reason::UnknownModel`], [`Reason::BundleRefused`] or [`Reason::StoreFailed`].
    pub fn verified(&self, version: u64) -> Result<Bundle, Refusal> {
        let version = Self::version(version)?;
        let model = self.0.registry().version(version).map_err(|error| failed(&error))?;
        self.bundle(model.bundle, Haste::Unhurried)
    }

    /// The numbers of the champion, and of the model that was it before.
    ///
    /// # Errors
    /// [`Reason::NoPrevious`] or [`Reason::StoreFailed`].
    pub fn champion_before(&self) -> Result<(u32, u64), Refusal> {
        let registry = self.0.registry();
        let champion = registry.champion().map_err(|error| failed(&error))?;
        let before = store::champion_before(registry).map_err(|error| failed(&error))?;
        champion.zip(before).map(|(champion, before)| (champion.version, before.version.into())).ok_or_else(
            || Refusal::new(Reason::NoPrevious, "no other model was the champion before the one that is"),
        )
    }

    /// Changes a model's stage and alias, with a note of how that came.
    ///
    /// # Errors
    /// [`Reason::UnknownModel`] or [`Reason::StoreFailed`].
    pub fn promote(
        &self,
        version: u64,
        (stage, alias): (Option<Stage>, Option<Alias>),
        how: &str,
    ) -> Result<(), Refusal> {
        let (version, registry, at) = (Self::version(version)?, self.0.registry(), wall_time());
        let change = || {
            registry.note(version, how, at)?;
            if let Some(stage) = stage {
                store::promote(registry, version, stage, at)?;
            }
            // The production stage has brought the alias with it.
            let alias = alias.filter(|alias| (stage, *alias) != (Some(Stage::Production), Alias::Champion));
            alias.map_or(Ok(()), |alias| registry.set_alias(alias, version, at))
        };
        change().map_err(|error| failed(&error))
    }

    fn version(version: u64) -> Result<u32, Refusal> {
        u32::try_from(version).map_err(|_| Self::unknown_model(version))
    }

    /// The registry has no such model.
    #[must_use]
    pub fn unknown_model(version: u64) -> Refusal {
        Refusal::new(Reason::UnknownModel, format!("model {version} is not in the registry"))
            .with("version", version)
    }
}

fn damaged_renewed(bundle: BundleDigest, problem: &renewed_file::KeptError) -> Refusal {
    let message = format!("what was renewed for bundle {} can't be used: {problem}", bundle.short());
    Refusal::new(Reason::StoreFailed, message)
}

/// A store's error as a refusal; paths and database words go to the log only.
fn failed(error: &StoreError) -> Refusal {
    if let StoreError::NoVersion { version, known } = error {
        return Refusal::new(Reason::UnknownModel, error).with("version", version).with("known", known);
    }
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    tracing::error!(%error, cause, "the store failed");
    if let StoreError::StoredKline { .. } | StoreError::StoredRecord { .. } = error {
        // Of the store's own content, not of the machine: whoever asks may know it, and asking again mends nothing.
        return Refusal { retry_after: None, ..Refusal::new(Reason::StoreFailed, error) };
    }
    Refusal::new(Reason::StoreFailed, "the store did not answer")
}
