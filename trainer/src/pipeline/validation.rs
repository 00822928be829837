//! The quality of the klines and the validation of the rows as stages.

use std::time::Instant;

use serde::Serialize;

use super::{Klines, Pipeline};
use crate::Result;
use crate::args::{SuiteArguments, ValidateArguments};
use crate::artefact::{write_bytes, write_json};
use crate::clock::now;
use crate::dataset::Dataset;
use crate::expectation::{self, Checked, Observed, STANDARD, Suite};
use crate::ingest::Kept;
use crate::profile::{Change, Profile, Profiles};
use crate::quality::{self, SymbolQuality};
use crate::validate::{self, Validation};
use crate::{catalogue, report, version};

/// What a validation found, and how it was judged.
#[derive(Debug, Serialize)]
struct Validated<'a> {
    #[serde(flatten)]
    facts: &'a Validation,
    change: Option<&'a Change>,
    #[serde(flatten)]
    checked: &'a Checked,
}

impl Pipeline {
    pub(super) fn quality(&self) -> Result<Vec<SymbolQuality>> {
        let started = Instant::now();
        let Kept { klines, joints, disputes } = self.kept(self.klines_until)?;
        let found = quality::assess(&klines, &joints, &disputes, self.interval);
        write_json(&self.folder().join("quality.json"), &found)?;
        self.metrics.quality(&found)?;
        self.console.report("quality", started, &found, || quality::table(&found));
        Ok(found)
    }

    pub(super) fn validate_alone(&self, arguments: &ValidateArguments) -> Result<()> {
        if arguments.print_suite {
            self.console.show(STANDARD);
            return Ok(());
        }
        let suite = Suite::read(arguments.suite.suite.as_deref())?;
        let klines = self.klines()?;
        let dataset = self.dataset(&klines, self.split(&klines, arguments.windows.request())?)?;
        self.validate(&dataset, &klines, None, &suite)
    }

    /// Validation before training: by the suite that the command line names.
    pub(super) fn validate_by(
        &self,
        dataset: &Dataset,
        klines: &Klines,
        quality: Option<&[SymbolQuality]>,
        arguments: &SuiteArguments,
    ) -> Result<()> {
        self.validate(dataset, klines, quality, &Suite::read(arguments.suite.as_deref())?)
    }

    /// Judges klines, rows and outcomes, and keeps the report; a failed one too. What passed becomes what the next data version
    /// is compared with.
    fn validate(
        &self,
        dataset: &Dataset,
        klines: &Klines,
        quality: Option<&[SymbolQuality]>,
        suite: &Suite,
    ) -> Result<()> {
        let started = Instant::now();
        let assessed;
        let quality = match quality {
            Some(quality) => quality,
            None => {
                let Kept { klines, joints, disputes } = self.kept(self.klines_until)?;
                assessed = quality::assess(&klines, &joints, &disputes, self.interval);
                &assessed
            }
        };
        let facts = validate::validate(dataset, klines);
        let data_version = version::data_version(klines, self.interval).version;
        let profile = Profile::of(dataset, &facts, data_version, now());
        let profiles = Profiles::of(&self.home);
        let before = profiles.last_before(&profile.data_version, self.interval)?;
        let change = before.map(|before| Change::between(&before, &profile));
        let observed = Observed { wanted: &self.symbols, quality, facts: &facts, change: change.as_ref() };
        let checked = suite.check(&observed);
        let found = Validated { facts: &facts, change: change.as_ref(), checked: &checked };
        let text = || format!("{}\n{}", report::validation(&facts), expectation::table(&checked));
        let folder = self.folder();
        write_json(&folder.join("validation.json"), &found)?;
        write_bytes(&folder.join("validation.txt"), text().as_bytes())?;
        expectation::export(&checked, &folder.join("great_expectations"))?;
        self.metrics.validation(&checked)?;
        self.console.report("validate", started, &found, text);
        checked.require()?;
        profiles.keep(&profile)?;
        catalogue::keep(&self.home, &profile, now())
    }
}
