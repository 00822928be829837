//! Predictions as rows: one row a prediction and task.

use std::path::Path;

use forecast::{BAND_LEVELS, Band, BaselineName, JournalRecord, Prediction, TaskPrediction};
use parquet::data_type::ByteArray;
use parquet::schema::types::TypePtr;
use store::{ChainPlace, ChainedRecord};

use super::columns::{self, Column, Kind, Numbers};
use crate::{Result, TrainerError};

/// How the files' names begin.
pub const PREDICTIONS: &str = "predictions";

/// A row: where its record stands, the record, and the task's answers.
type Row<'a> = (ChainPlace, &'a Prediction, &'a TaskPrediction);

/// A column: its name, its kind, and its values.
type Field = (&'static str, Kind, fn(&[Row<'_>]) -> Column);

fn texts(rows: &[Row<'_>], text: impl Fn(&Row<'_>) -> String) -> Column {
    Column::Text(rows.iter().map(|row| ByteArray::from(text(row).into_bytes())).collect())
}

fn small(rows: &[Row<'_>], number: impl Fn(&Row<'_>) -> u32) -> Column {
    Column::Small(rows.iter().map(|row| i32::try_from(number(row)).unwrap_or(i32::MAX)).collect())
}

fn answers(rows: &[Row<'_>], answer: impl for<'r> Fn(&'r Row<'_>) -> Option<&'r forecast::Answer>) -> Column {
    let mut numbers = Numbers::default();
    rows.iter().for_each(|row| numbers.push(answer(row)));
    Column::Numbers(numbers)
}

/// The columns before those of the baselines.
const FIELDS: [Field; 20] = [
    ("symbol", Kind::Text, |rows| texts(rows, |(_, made, _)| made.symbol.to_string())),
    ("bar_time", Kind::Time, |rows| {
        Column::Large(rows.iter().map(|(_, made, _)| made.bar_time.milliseconds()).collect())
    }),
    ("bundle", Kind::Text, |rows| texts(rows, |(_, made, _)| made.bundle.to_string())),
    ("revision", Kind::Small, |rows| small(rows, |(_, made, _)| made.revision)),
    ("task", Kind::Text, |rows| texts(rows, |(_, _, task)| task.task.name().to_owned())),
    ("id", Kind::Text, |rows| texts(rows, |(_, made, _)| id(made))),
    ("provisional", Kind::Flag, |rows| {
        Column::Flag(rows.iter().map(|(_, made, _)| made.provisional).collect())
    }),
    ("close", Kind::Number, |rows| Column::Number(rows.iter().map(|(_, made, _)| made.close).collect())),
    ("source", Kind::Text, |rows| texts(rows, |(_, made, _)| made.source.name().to_owned())),
    ("late_ms", Kind::OptionalLarge, |rows| {
        Column::OptionalLarge(rows.iter().map(|(_, made, _)| made.late_ms).collect())
    }),
    ("row_hash", Kind::Text, |rows| texts(rows, |(_, made, _)| made.row_hash.to_string())),
    ("warm_features", Kind::Small, |rows| small(rows, |(_, made, _)| made.quality.warm_features.into())),
    ("total_features", Kind::Small, |rows| small(rows, |(_, made, _)| made.quality.total.into())),
    ("carried_bars", Kind::Small, |rows| small(rows, |(_, made, _)| made.quality.carried_bars.into())),
    ("missing_inputs", Kind::Small, |rows| small(rows, |(_, made, _)| made.quality.missing_inputs.into())),
    ("lightgbm", Kind::Numbers, |rows| answers(rows, |(_, _, task)| Some(&task.lightgbm))),
    ("xgboost", Kind::Numbers, |rows| answers(rows, |(_, _, task)| Some(&task.xgboost))),
    ("ensemble", Kind::Numbers, |rows| answers(rows, |(_, _, task)| Some(&task.ensemble))),
    ("compared_with", Kind::Text, |rows| texts(rows, |(_, _, task)| task.compared_with.name().to_owned())),
    ("chain_number", Kind::Large, |rows| {
        Column::Large(rows.iter().map(|(place, ..)| place.number).collect())
    }),
];

/// The columns after those of the baselines: both ends of the band of each level, null where there is no band, and the root
/// of the expected squared volatility.
const AFTER: [Field; 5] = [
    ("band_80_low", Kind::OptionalNumber, |rows| ends(rows, BAND_LEVELS[0], |band| band.low)),
    ("band_80_high", Kind::OptionalNumber, |rows| ends(rows, BAND_LEVELS[0], |band| band.high)),
    ("band_90_low", Kind::OptionalNumber, |rows| ends(rows, BAND_LEVELS[1], |band| band.low)),
    ("band_90_high", Kind::OptionalNumber, |rows| ends(rows, BAND_LEVELS[1], |band| band.high)),
    ("root_mean_square", Kind::OptionalNumber, |rows| {
        Column::OptionalNumber(rows.iter().map(|(_, _, task)| task.root_mean_square).collect())
    }),
];

fn ends(rows: &[Row<'_>], level: f64, end: impl Fn(&Band) -> f64) -> Column {
    let of_row = |(_, _, task): &Row<'_>| {
        task.bands.iter().find(|band| band.level.to_bits() == level.to_bits()).map(&end)
    };
    Column::OptionalNumber(rows.iter().map(of_row).collect())
}

/// The last column.
const HASH: &str = "chain_hash";

/// The name of a prediction, as the server shows it.
pub(super) fn id(made: &Prediction) -> String {
    format!("{}:{}:{}:{}", made.symbol, made.bar_time.milliseconds(), made.bundle.short(), made.revision)
}

/// The schema; an answer is a list, of one number for a regression and of one a class otherwise. A band's ends are in the
/// outcome's unit.
pub(super) fn schema(path: &Path) -> Result<TypePtr> {
    let mut fields: Vec<(String, Kind)> =
        FIELDS.iter().map(|(name, kind, _)| ((*name).to_owned(), *kind)).collect();
    fields.extend(BaselineName::ALL.map(|name| (format!("baseline_{}", name.name()), Kind::Numbers)));
    fields.extend(AFTER.map(|(name, kind, _)| (name.to_owned(), kind)));
    fields.push((HASH.to_owned(), Kind::Text));
    columns::schema(&fields).map_err(|source| TrainerError::Parquet { path: path.to_owned(), source })
}

/// The rows of predictions.
pub(super) fn columns(records: &[ChainedRecord]) -> Vec<Column> {
    let predictions = records.iter().filter_map(|one| match &one.record {
        JournalRecord::Prediction(made) => Some((one.place, made.as_ref())),
        JournalRecord::Resolution(_) => None,
    });
    let rows: Vec<Row<'_>> = predictions
        .flat_map(|(place, made)| made.tasks.iter().map(move |task| (place, made, task)))
        .collect();
    let mut columns: Vec<Column> = FIELDS.iter().map(|(_, _, values)| values(&rows)).collect();
    columns.extend(BaselineName::ALL.map(|name| answers(&rows, |(_, _, task)| task.baseline(name))));
    columns.extend(AFTER.iter().map(|(_, _, values)| values(&rows)));
    columns.push(texts(&rows, |(place, ..)| place.hash.to_string()));
    columns
}
