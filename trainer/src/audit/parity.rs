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
use crate::trained::BoosterFile;
use crate::{Result, TrainerError};

pub(crate) use table::{ParityReport, parity_table};

/// Rows that are made, asked and forgotten together: this bounds the memory.
const BATCH_ROWS: usize = 1024;

/// A booster as the forest reads it.
fn read(file: &BoosterFile<'_>) -> Result<Model> {
    let limits = Limits::default();
    let (library, read) = match file.library {
        GoldenLibrary::LightGbm => ("LightGBM", Model::from_lightgbm_text(file.served, &limits)),
        GoldenLibrary::XgBoost => ("XGBoost", Model::from_xgboost_ubjson(file.served, &limits)),
    };
    let task = file.task;
    read.map_err(|error| TrainerError::Booster { task, library, problem: error.to_string() })
}

/// Asks the original libraries and the forest the same rows, and compares bits.
///
/// # Errors
/// When a library is missing, or one side can't read a booster. What differs is no error but in the certificate.
pub fn audit_parity(files: &[BoosterFile<'_>], seed: u64, console: Console) -> Result<ParityCertificate> {
    let models: Vec<Model> = files.iter().map(read).collect::<Result<_>>()?;
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
