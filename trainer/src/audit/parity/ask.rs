//! Asks both sides and keeps the tally.

use std::collections::BTreeMap;

use forecast::{BoosterParity, HexFloats, ParityDifference, ParityMargins, ParityRow, ParitySample};
use forest::{Booster, Ensemble, Model, RowError};
use sha2::{Digest, Sha256};

use super::compare::{Compared, Difference, Sides, by_parts};
use super::originals::{Answers, Original, Originals};
use super::pool;
use super::rows::{Batch, Stood};
use crate::trained::BoosterFile;
use crate::{Result, TrainerError};

/// So many of a row's cells are named that stand on a threshold.
const CELLS_NAMED: usize = 5;

/// An audit under way.
pub(super) struct Audit<'a> {
    originals: Originals,
    boosters: Vec<Audited<'a>>,
    ensemble: Ensemble,
    width: usize,
    digest: Sha256,
}

/// One booster under audit.
struct Audited<'a> {
    file: &'a BoosterFile<'a>,
    model: &'a Model,
    booster: Booster,
    original: Original,
    tally: BoosterParity,
    difference: Option<ParityDifference>,
}

impl<'a> Audit<'a> {
    pub(super) fn open(files: &'a [BoosterFile<'a>], models: &'a [Model]) -> Result<Self> {
        let originals = Originals::load()?;
        let mut boosters = Vec::with_capacity(files.len());
        for (file, model) in files.iter().zip(models) {
            boosters.push(Audited {
                file,
                model,
                booster: Booster::new(model),
                original: originals.open(file)?,
                tally: BoosterParity {
                    file: file.name.clone(),
                    sha256: hex::encode(Sha256::digest(file.served)),
                    thresholds: pool::thresholds(model) as u64,
                    splits: model.splits().count() as u64,
                    splits_stood_on: 0,
                    splits_out_of_reach: 0,
                    rows: 0,
                    cells: 0,
                    cells_within_2_ulp: 0,
                },
                difference: None,
            });
        }
        let ensemble = Ensemble::new(models).map_err(|error| unfit(files.first(), &error))?;
        let width = ensemble.feature_count();
        if width == 0 {
            return Err(TrainerError::ParityCertificate {
                problem: "has no boosters that read a row".to_owned(),
            });
        }
        Ok(Self { originals, boosters, ensemble, width, digest: Sha256::new() })
    }

    /// Asks every booster whose library takes the rows; all rows of a batch are of one kind.
    pub(super) fn ask_all(&mut self, batch: &Batch) -> Result<()> {
        self.ask(batch, None).map(drop)
    }

    /// Asks one booster.
    pub(super) fn ask_one(&mut self, member: usize, batch: &Batch) -> Result<()> {
        self.ask(batch, Some(member)).map(drop)
    }

    /// Asks all boosters, or one; answers the library's margins, none where it does not take the rows.
    fn ask(&mut self, batch: &Batch, only: Option<usize>) -> Result<Vec<Vec<f64>>> {
        let rows = &batch.values;
        hash(&mut self.digest, rows);
        let stride = self.ensemble.output_count();
        let first = self.boosters.first().map(|audited| audited.file);
        let ensemble = &self.ensemble;
        let together =
            by_parts(rows, (self.width, stride), |rows, answers| ensemble.predict_batch(rows, answers));
        let together = together.map_err(|error| unfit(first, &error))?;
        let mut margins = Vec::new();
        for (member, audited) in self.boosters.iter_mut().enumerate() {
            let takes = || rows.chunks_exact(self.width).all(|row| audited.original.takes(row));
            if only.is_some_and(|only| only != member) || !takes() {
                margins.push(Vec::new());
                continue;
            }
            let outputs = self.ensemble.outputs(member);
            let ensemble: Vec<f64> =
                together.chunks_exact(stride).flat_map(|answer| &answer[outputs.clone()]).copied().collect();
            let answers = audited.original.ask(rows, self.width)?;
            hash(&mut self.digest, &answers.margins);
            hash(&mut self.digest, &answers.predictions);
            audited.compare(batch, &ensemble, &answers)?;
            margins.push(answers.margins);
        }
        Ok(margins)
    }

    pub(super) fn counted(&mut self, member: usize, stood: Stood) {
        if let Some(audited) = self.boosters.get_mut(member) {
            audited.tally.splits_stood_on = stood.on;
            audited.tally.splits_out_of_reach = stood.out_of_reach;
        }
    }

    /// Asks every booster the rows of the sample, one by one.
    pub(super) fn sample(&mut self, rows: &Batch) -> Result<ParitySample> {
        let mut sample = ParitySample::default();
        sample.margins.extend(
            self.boosters
                .iter()
                .map(|audited| ParityMargins { file: audited.file.name.clone(), margins: Vec::new() }),
        );
        for (row, kind) in rows.values.chunks_exact(self.width).zip(&rows.kinds) {
            let batch = Batch { values: row.to_vec(), kinds: vec![*kind] };
            for (entry, margins) in sample.margins.iter_mut().zip(self.ask(&batch, None)?) {
                entry.margins.push(HexFloats(margins));
            }
            sample.rows.push(ParityRow { kind: *kind, values: HexFloats(row.to_vec()) });
        }
        Ok(sample)
    }

    pub(super) fn libraries(&self) -> BTreeMap<String, String> {
        self.originals.versions.clone()
    }

    /// Of everything that was asked and answered so far.
    pub(super) fn digest(&self) -> String {
        hex::encode(self.digest.clone().finalize())
    }

    /// The tally and the first difference of each booster.
    pub(super) fn into_findings(self) -> (Vec<BoosterParity>, Vec<Option<ParityDifference>>) {
        self.boosters.into_iter().map(|audited| (audited.tally, audited.difference)).unzip()
    }
}

impl Audited<'_> {
    fn compare(&mut self, batch: &Batch, ensemble: &[f64], original: &Answers) -> Result<()> {
        let expected = batch.kinds.len() * self.model.output_count();
        for found in [original.margins.len(), original.predictions.len()] {
            if found != expected {
                let what = "the library's answer";
                return Err(crate::fit::FitError::Shape { what, found, expected }.into());
            }
        }
        let sides = Sides { model: self.model, booster: &self.booster, ensemble, original };
        let Compared { cells, near, first } =
            sides.compare(&batch.values).map_err(|error| unfit(Some(self.file), &error))?;
        if let (Some(first), None) = (first, &self.difference) {
            let detail = self.describe(batch, &first);
            self.difference = Some(ParityDifference { file: self.file.name.clone(), detail });
        }
        self.tally.rows += batch.kinds.len() as u64;
        self.tally.cells += cells;
        self.tally.cells_within_2_ulp += near;
        Ok(())
    }

    fn describe(&self, batch: &Batch, first: &Difference) -> String {
        let Difference { way, row, output, found, expected } = first;
        let number = self.tally.rows + *row as u64;
        let width = self.model.feature_count();
        let values = &batch.values[row * width..(row + 1) * width];
        let side = |value: f64| format!("{value} (bits {:016x})", value.to_bits());
        format!(
            "{way} answers {}, {} {} in output {output} of row {number} ({:?}), which stands on {}",
            side(*found),
            self.model.library(),
            side(*expected),
            batch.kinds[*row],
            self.standing(values)
        )
    }

    /// Which of a row's values stand on or beside a threshold of the booster.
    fn standing(&self, row: &[f64]) -> String {
        let mut features: Vec<usize> = Vec::new();
        for split in self.model.splits() {
            let value = row[split.feature()];
            if split.stands().iter().any(|stand| stand.to_bits() == value.to_bits()) {
                features.push(split.feature());
            }
        }
        features.sort_unstable();
        features.dedup();
        let names = self.model.feature_names();
        let cell = |feature: &usize| format!("{} = {:?}", names[*feature], row[*feature]);
        let mut cells: Vec<String> = features.iter().take(CELLS_NAMED).map(cell).collect();
        if features.len() > CELLS_NAMED {
            cells.push(format!("{} more", features.len() - CELLS_NAMED));
        }
        if cells.is_empty() { "no threshold".to_owned() } else { cells.join(", ") }
    }
}

fn hash(digest: &mut Sha256, values: &[f64]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
    digest.update(&bytes);
}

fn unfit(file: Option<&BoosterFile<'_>>, error: &RowError) -> TrainerError {
    let problem = error.to_string();
    match file {
        Some(file) => TrainerError::Booster { task: file.task, library: "forest's", problem },
        None => TrainerError::ParityCertificate { problem: format!("has no boosters: {problem}") },
    }
}
