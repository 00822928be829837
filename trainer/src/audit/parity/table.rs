//! The audit's report.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forecast::{BoosterParity, BundleDigest, ParityCertificate, ParityDifference};
use serde::Serialize;

use crate::console::table;

/// What is told of a certificate: everything but the sample of rows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ParityReport<'a> {
    /// The audited bundle, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<BundleDigest>,
    /// Whether the bundle carries this very certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_in_bundle: Option<bool>,
    passed: bool,
    libraries: &'a BTreeMap<String, String>,
    seed: u64,
    mixed_rows: u64,
    infinite_rows: u64,
    rows: u64,
    cells: u64,
    boosters: &'a [BoosterParity],
    digest: &'a str,
    differences: &'a [ParityDifference],
}

impl<'a> ParityReport<'a> {
    pub(crate) fn of(found: &'a ParityCertificate) -> Self {
        Self {
            bundle: None,
            as_in_bundle: None,
            passed: found.passed,
            libraries: &found.libraries,
            seed: found.seed,
            mixed_rows: found.mixed_rows,
            infinite_rows: found.infinite_rows,
            rows: found.boosters.iter().map(|one| one.rows).sum(),
            cells: found.boosters.iter().map(|one| one.cells).sum(),
            boosters: &found.boosters,
            digest: &found.digest,
            differences: &found.differences,
        }
    }

    /// Of a bundle that is kept, with what its own certificate says.
    pub(crate) fn in_bundle(self, bundle: BundleDigest, as_in_bundle: bool) -> Self {
        Self { bundle: Some(bundle), as_in_bundle: Some(as_in_bundle), ..self }
    }
}

/// What was asked, what held, and what differs.
#[must_use]
pub(crate) fn parity_table(found: &ParityReport<'_>) -> String {
    let rows = found.boosters.iter().map(|one| {
        let numbers = [one.thresholds, one.splits, one.splits_stood_on, one.rows, one.cells];
        let numbers = numbers.into_iter().chain([one.cells_within_2_ulp]).map(|number| number.to_string());
        std::iter::once(one.file.trim_start_matches("boosters/").to_owned()).chain(numbers).collect()
    });
    let header = ["booster", "thresholds", "splits", "stood on", "rows", "cells", "within 2 ulp"];
    let mut text = table(&header, rows);
    let verdict = if found.passed { "passed" } else { "failed" };
    let libraries: Vec<String> =
        found.libraries.iter().map(|(name, version)| format!("{name} {version}")).collect();
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "\n{verdict}: {} rows, {} of the libraries' numbers compared ({}); {} rows with infinite values asked of LightGBM alone; seed {}, digest {}",
        found.rows,
        found.cells,
        libraries.join(", "),
        found.infinite_rows,
        found.seed,
        found.digest.get(..12).unwrap_or(found.digest),
    );
    if let (Some(bundle), Some(same)) = (found.bundle, found.as_in_bundle) {
        let what = if same { "the certificate is the one in" } else { "the certificate is not the one in" };
        let _ = writeln!(text, "{what} bundle {}", bundle.short());
    }
    if !found.differences.is_empty() {
        let rows = found.differences.iter().map(|one| vec![one.file.clone(), one.detail.clone()]);
        text.push_str(&table(&["differs", "where"], rows));
        text.push('\n');
    }
    text
}
