//! A parity certificate for seeded stumps, whose answers are this build's own.

use std::collections::BTreeMap;

use forest::{Booster, Limits, Model};
use sha2::{Digest, Sha256};

use crate::{
    BoosterParity, GoldenLibrary, HexFloats, PARITY_SCHEMA_VERSION, ParityCertificate, ParityMargins,
    ParityRow, ParityRowKind, ParitySample, TaskParts, booster_file,
};

/// A certificate that claims the least that a bundle of these boosters needs.
pub(super) fn certificate(seed: u64, tasks: &[TaskParts], rows: &[Vec<f64>]) -> ParityCertificate {
    let (mut boosters, mut margins) = (Vec::new(), Vec::new());
    let limits = Limits::default();
    for parts in tasks {
        for (library, bytes, model) in [
            (
                GoldenLibrary::LightGbm,
                &parts.lightgbm,
                Model::from_lightgbm_text(&parts.lightgbm, &limits).ok(),
            ),
            (
                GoldenLibrary::XgBoost,
                &parts.xgboost,
                Model::from_xgboost_ubjson(&parts.xgboost, &limits).ok(),
            ),
        ] {
            let Some(model) = model else { continue };
            let file = booster_file(parts.task, library);
            margins.push(ParityMargins { file: file.clone(), margins: answers(&model, rows) });
            let splits = model.splits().count() as u64;
            boosters.push(BoosterParity {
                file,
                sha256: hex::encode(Sha256::digest(bytes)),
                thresholds: splits,
                splits,
                splits_stood_on: splits,
                splits_out_of_reach: 0,
                rows: rows.len() as u64,
                cells: (2 * rows.len() * model.output_count()) as u64,
                cells_within_2_ulp: 0,
            });
        }
    }
    let row = |row: &Vec<f64>| ParityRow { kind: ParityRowKind::Mixed, values: HexFloats(row.clone()) };
    ParityCertificate {
        schema_version: PARITY_SCHEMA_VERSION,
        passed: true,
        libraries: BTreeMap::new(),
        seed,
        mixed_rows: rows.len() as u64,
        infinite_rows: 0,
        boosters,
        digest: hex::encode(Sha256::digest(b"no library was asked")),
        sample: ParitySample { rows: rows.iter().map(row).collect(), margins },
        differences: Vec::new(),
    }
}

fn answers(model: &Model, rows: &[Vec<f64>]) -> Vec<HexFloats> {
    let booster = Booster::new(model);
    let answer = |row: &Vec<f64>| {
        let mut outputs = vec![f64::NAN; booster.output_count()];
        booster.margin(row, &mut outputs).ok().map(|()| HexFloats(outputs))
    };
    rows.iter().filter_map(answer).collect()
}
