//! Stages one by one: each takes what the ones before it left in the home.

use std::time::Instant;

use features::Catalogue;
use forecast::{CAUSALITY_FILE, LeaksCertificate, PARITY_FILE};
use store::{Stage, StoreError};

use super::Pipeline;
use crate::args::{EvaluateAloneArguments, GateArguments};
use crate::artefact::read_json;
use crate::certificates::{Certificates, leaks_at_home};
use crate::clock::now;
use crate::dataset::Dataset;
use crate::gates::Gates;
use crate::lineage::Origin;
use crate::machine::cores;
use crate::runs::stages_alone;
use crate::trained::{self, Trained};
use crate::{Result, TrainerError, promote, report, version};

/// How often a model is judged anew because another became the champion meanwhile.
const TRIALS_MAX: usize = 5;

impl Pipeline {
    /// Judges a version by the gates and moves it to a stage, in production as the champion. If another becomes the champion meanwhile, it is judged anew
    /// against that one.
    pub(super) fn promote(
        &self,
        version: Option<u32>,
        to: Stage,
        arguments: &GateArguments,
        dry_run: bool,
    ) -> Result<()> {
        self.promote_by(&Gates::read(arguments.gates.as_deref())?, (version, to), arguments, dry_run)
    }

    /// [`Pipeline::promote`] by these gates.
    pub(super) fn promote_by(
        &self,
        gates: &Gates,
        of: (Option<u32>, Stage),
        arguments: &GateArguments,
        dry_run: bool,
    ) -> Result<()> {
        for trials in 1.. {
            match self.judge_and_promote(of, gates, arguments, dry_run) {
                Err(TrainerError::Store(changed @ StoreError::OtherChampion { .. }))
                    if trials < TRIALS_MAX =>
                {
                    self.console.warn(&format!("{changed}; that is done now"));
                }
                ended => return ended,
            }
        }
        Ok(())
    }

    fn judge_and_promote(
        &self,
        of: (Option<u32>, Stage),
        gates: &Gates,
        arguments: &GateArguments,
        dry_run: bool,
    ) -> Result<()> {
        let started = Instant::now();
        let bar = self.console.spinner("judging the model by the gates");
        let trial = promote::judge(&self.home, of, gates, cores(), now())?;
        bar.finish_and_clear();
        self.console.report("judge", started, &trial, || report::trial(&trial));
        if dry_run {
            return trial.check(arguments.force).map(drop);
        }
        let started = Instant::now();
        let found = promote::promote(&self.home, &trial, arguments.force, now())?;
        for failed in &found.forced_past {
            self.console.warn(&format!("promoted by force past: {failed}"));
        }
        self.console.report("promote", started, &found, || match found.before {
            _ if found.stage != Stage::Production => {
                format!("version {} is in {}, the challenger\n", found.version, found.stage)
            }
            Some(before) => format!("version {} is the champion, before it {before}\n", found.version),
            None => format!("version {} is the champion\n", found.version),
        });
        Ok(())
    }

    pub(super) fn evaluate_alone(&self, arguments: &EvaluateAloneArguments) -> Result<()> {
        let EvaluateAloneArguments { evaluate, test_from, test_until } = arguments;
        let (dataset, trained) = if test_from.is_none() && test_until.is_none() {
            self.trained()?
        } else {
            let trained = trained::load(&self.folder())?;
            let klines = self.klines()?;
            let split = trained.plan.split;
            let bars = klines.values().filter_map(|klines| Some(klines.last()?.bar_time(self.interval)));
            let last = bars.max().unwrap_or(split.test.until);
            let split = split.with_test(*test_from, *test_until, last, self.interval)?;
            (self.dataset(&klines, split)?, trained)
        };
        self.evaluate(&dataset, &trained, evaluate).map(drop)
    }

    pub(super) fn publish_alone(&self) -> Result<()> {
        let evaluation = read_json(&self.folder().join("evaluation.json"), "evaluate")?;
        let causality = read_json(&self.folder().join(CAUSALITY_FILE), "audit causality")?;
        let parity = read_json(&self.folder().join(PARITY_FILE), "audit parity --trained")?;
        let (dataset, trained) = self.trained()?;
        let parent = self.champion()?;
        let leaks = self.leaks_of_these(&trained)?;
        let certificates = Certificates { causality, parity, leaks };
        let found = self.publish(&dataset, &trained, &evaluation, certificates)?;
        self.keep_origin(
            found.bundle,
            &Origin { run: None, parent, ..self.origin(stages_alone(&self.folder())?) },
        )
    }

    /// What canaries showed on the klines that were trained on; a bundle may go without it, and does so if it tells of a leak.
    fn leaks_of_these(&self, trained: &Trained) -> Result<Option<LeaksCertificate>> {
        let Some(leaks) = leaks_at_home(&self.folder())? else { return Ok(None) };
        let catalogue = Catalogue::standard().hash().to_string();
        let problem = leaks.problem(&catalogue, &trained.plan.data_version);
        if let Some(problem) = &problem {
            self.console.warn(&format!(
                "the bundle goes without a certificate of leaks: that of this home {problem}"
            ));
        }
        Ok(problem.is_none().then_some(leaks))
    }

    /// What training left, and the rows that it used.
    pub(super) fn trained(&self) -> Result<(Dataset, Trained)> {
        let trained = trained::load(&self.folder())?;
        let klines = self.klines()?;
        trained.require_data(&version::data_version(&klines, self.interval).version)?;
        Ok((self.dataset(&klines, trained.plan.split)?, trained))
    }
}
