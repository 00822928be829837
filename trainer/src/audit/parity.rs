//! The audit of parity: rows that stand on every split of every booster, asked of the original libraries and of the
//! forest in every way that it scores, one certificate.

mod ask;
mod compare;
mod originals;
mod pool;
mod rows;
mod sample;
mod table;

use forecast::{BoosterParity, GoldenLibrary, PARITY_SCHEMA_VERSION, ParityCertificate, ParityRowKind};
use forest::{Limits, Model};

use self::ask::Audit;
use self::pool::Pool;
use self::rows::{Batch, mixed, split_rows};
use crate::console::Console;
use crate::trained::Trained;
use crate::{Result, TrainerError};

pub(crate) use table::{ParityReport, parity_table};

/// Rows that are made, asked and forgotten together: this bounds the memory.
const BATCH_ROWS: usize = 1024;

/// One booster to audit.
#[derive(Debug, Clone)]
pub struct BoosterFile<'a> {
    /// Its path within the bundle.
    pub name: String,
    /// The task.
    pub task: forecast::Task,
    /// Who trained it.
    pub library: GoldenLibrary,
    /// What the forest reads and the bundle will hold.
    pub served: &'a [u8],
    /// What the original library reads: the same, but in tests of this audit.
    pub original: &'a [u8],
}

impl<'a> BoosterFile<'a> {
    /// A booster whose file both sides read.
    #[must_use]
    pub fn new(task: forecast::Task, library: GoldenLibrary, file: &'a [u8]) -> Self {
        let name = forecast::booster_file(task, library);
        Self { name, task, library, served: file, original: file }
    }

    /// The boosters that training left behind.
    #[must_use]
    pub fn of_trained(trained: &'a Trained) -> Vec<Self> {
        let both = |one: &'a crate::trained::TrainedTask| {
            [(GoldenLibrary::LightGbm, &one.lightgbm), (GoldenLibrary::XgBoost, &one.xgboost)]
                .map(|(library, member)| Self::new(one.task, library, &member.fit.file))
        };
        trained.tasks.iter().flat_map(both).collect()
    }

    fn read(&self) -> Result<Model> {
        let limits = Limits::default();
        let (library, read) = match self.library {
            GoldenLibrary::LightGbm => ("LightGBM", Model::from_lightgbm_text(self.served, &limits)),
            GoldenLibrary::XgBoost => ("XGBoost", Model::from_xgboost_ubjson(self.served, &limits)),
        };
        let task = self.task;
        read.map_err(|error| TrainerError::Booster { task, library, problem: error.to_string() })
    }
}

/// Asks the original libraries and the forest the same rows, and compares bits.
///
/// # Errors
/// When a library is missing, or one side can't read a booster. What differs is no error but in the certificate.
pub fn audit_parity(files: &[BoosterFile<'_>], seed: u64, console: Console) -> Result<ParityCertificate> {
    let models: Vec<Model> = files.iter().map(BoosterFile::read).collect::<Result<_>>()?;
    let pool = Pool::of(&models);
    let (mixed_rows, infinite_rows) = (pool.mixed_rows(), pool.infinite_rows());
    let splits: usize = models.iter().map(|model| model.splits().count()).sum();
    let bar = console.bar(splits + mixed_rows + infinite_rows, "auditing parity");
    let done = std::cell::Cell::new(0);
    let progress = |steps: usize| {
        done.set(done.get() + steps as u64);
        bar.set(done.get());
    };

    let mut audit = Audit::open(files, &models)?;
    for kind in [ParityRowKind::Mixed, ParityRowKind::Infinite] {
        mixed(&pool, kind, seed, &mut |batch: &Batch| {
            progress(batch.kinds.len());
            audit.ask_all(batch)
        })?;
    }
    for (member, model) in models.iter().enumerate() {
        let counts = split_rows((member, model), &pool, seed, &mut |batch: &Batch, splits| {
            progress(splits);
            audit.ask_one(member, batch)
        })?;
        audit.counted(member, counts);
    }
    let sample = audit.sample(&sample::rows(&models, &pool, seed)?)?;
    let (libraries, digest) = (audit.libraries(), audit.digest());
    let (boosters, differences): (Vec<BoosterParity>, Vec<_>) = audit.into_findings();
    let differences: Vec<_> = differences.into_iter().flatten().collect();
    Ok(ParityCertificate {
        schema_version: PARITY_SCHEMA_VERSION,
        passed: differences.is_empty(),
        libraries,
        seed,
        mixed_rows: mixed_rows as u64,
        infinite_rows: infinite_rows as u64,
        boosters,
        digest,
        sample,
        differences,
    })
}
