//! Outcomes as rows: one row an outcome's revision.

use std::path::Path;

use forecast::{JournalRecord, Resolution};
use parquet::data_type::ByteArray;
use parquet::schema::types::TypePtr;
use store::{ChainPlace, ChainedRecord};

use super::columns::{self, Column, Kind};
use crate::{Result, TrainerError};

/// How the files' names begin.
pub const OUTCOMES: &str = "outcomes";

type Row<'a> = (ChainPlace, &'a Resolution);

/// A column: its name, its kind, and its values.
type Field = (&'static str, Kind, fn(&[Row<'_>]) -> Column);

fn texts(rows: &[Row<'_>], text: impl Fn(&Resolution) -> String) -> Column {
    Column::Text(rows.iter().map(|(_, outcome)| ByteArray::from(text(outcome).into_bytes())).collect())
}

fn small(rows: &[Row<'_>], number: impl Fn(&Resolution) -> u32) -> Column {
    Column::Small(
        rows.iter().map(|(_, outcome)| i32::try_from(number(outcome)).unwrap_or(i32::MAX)).collect(),
    )
}

fn numbers(rows: &[Row<'_>], number: impl Fn(&Resolution) -> f64) -> Column {
    Column::Number(rows.iter().map(|(_, outcome)| number(outcome)).collect())
}

const FIELDS: [Field; 13] = [
    ("symbol", Kind::Text, |rows| texts(rows, |outcome| outcome.symbol.to_string())),
    ("bar_time", Kind::Time, |rows| {
        Column::Large(rows.iter().map(|(_, outcome)| outcome.bar_time.milliseconds()).collect())
    }),
    ("bundle", Kind::Text, |rows| texts(rows, |outcome| outcome.bundle.to_string())),
    ("task", Kind::Text, |rows| texts(rows, |outcome| outcome.task.name().to_owned())),
    ("revision", Kind::Small, |rows| small(rows, |outcome| outcome.revision)),
    ("prediction_revision", Kind::Small, |rows| small(rows, |outcome| outcome.prediction_revision)),
    ("prediction_id", Kind::Text, |rows| texts(rows, prediction_id)),
    ("outcome", Kind::Number, |rows| numbers(rows, |outcome| outcome.outcome)),
    ("loss", Kind::Number, |rows| numbers(rows, |outcome| outcome.loss)),
    ("baseline", Kind::Text, |rows| texts(rows, |outcome| outcome.baseline.name().to_owned())),
    ("baseline_loss", Kind::Number, |rows| numbers(rows, |outcome| outcome.baseline_loss)),
    ("chain_number", Kind::Large, |rows| Column::Large(rows.iter().map(|(place, _)| place.number).collect())),
    ("chain_hash", Kind::Text, |rows| {
        Column::Text(rows.iter().map(|(place, _)| place.hash.to_string().as_str().into()).collect())
    }),
];

/// The name of the prediction that is scored, as the server shows it.
fn prediction_id(outcome: &Resolution) -> String {
    let Resolution { symbol, bar_time, bundle, prediction_revision, .. } = outcome;
    format!("{symbol}:{}:{}:{prediction_revision}", bar_time.milliseconds(), bundle.short())
}

/// The schema.
pub(super) fn schema(path: &Path) -> Result<TypePtr> {
    let fields = FIELDS.map(|(name, kind, _)| (name, kind));
    columns::schema(&fields).map_err(|source| TrainerError::Parquet { path: path.to_owned(), source })
}

/// The rows of outcomes.
pub(super) fn columns(records: &[ChainedRecord]) -> Vec<Column> {
    let outcomes = records.iter().filter_map(|one| match &one.record {
        JournalRecord::Resolution(outcome) => Some((one.place, outcome)),
        JournalRecord::Prediction(_) => None,
    });
    let rows: Vec<Row<'_>> = outcomes.collect();
    FIELDS.iter().map(|(_, _, values)| values(&rows)).collect()
}
