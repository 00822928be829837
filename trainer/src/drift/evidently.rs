//! Both windows as Evidently (0.7) reads them: the rows as Parquet, and what their columns are.

use std::path::Path;

use serde_json::json;

use super::Drift;
use crate::Result;
use crate::artefact::write_json;
use crate::dataset::Dataset;
use crate::distribution::sampled_rows;
use crate::parquet::{Cells, Column, Kind, number, numbers, write_sheet};
use crate::split::Window;

/// Writes `reference.parquet`, `current.parquet` and `evidently.json`.
pub(super) fn write(drift: &Drift, dataset: &Dataset, folder: &Path) -> Result<()> {
    rows(dataset, drift.reference.window, &folder.join("reference.parquet"))?;
    rows(dataset, drift.current.window, &folder.join("current.parquet"))?;
    // Evidently refuses columns without any value.
    let compared = drift.columns.iter().filter(|column| column.distance.is_some());
    let numerical: Vec<&str> = compared.map(|column| column.column.as_str()).collect();
    let definition = json!({
        // The arguments of evidently.DataDefinition.
        "data_definition": {
            "timestamp": "event_timestamp",
            "numerical_columns": numerical,
            "categorical_columns": ["symbol"],
        },
        // Those of evidently.presets.DataDriftPreset that give the distances of drift.json.
        "data_drift": {
            "columns": numerical,
            "num_method": "wasserstein",
            "num_threshold": drift.distance_max,
        },
        // The arguments of evidently.legacy's ColumnMapping, for versions before 0.7.
        "column_mapping": {
            "datetime": "event_timestamp",
            "numerical_features": numerical,
            "categorical_features": ["symbol"],
        },
    });
    write_json(&folder.join("evidently.json"), &definition)
}

/// The rows of a window that are compared.
fn rows(dataset: &Dataset, window: Window, path: &Path) -> Result<()> {
    let places: Vec<usize> = sampled_rows(dataset.range(window)).collect();
    let mut columns = vec![Column::new("symbol", Kind::Text), Column::new("event_timestamp", Kind::Time)];
    columns.extend(numbers(dataset));
    write_sheet(path, &columns, places.len(), |column, rows| {
        let rows = places[rows].iter().copied();
        match column {
            0 => Cells::Texts(rows.map(|row| dataset.symbol(row).as_str().to_owned()).collect()),
            1 => Cells::Whole(rows.map(|row| dataset.key(row).bar.milliseconds()).collect()),
            _ => Cells::Numbers(rows.map(|row| number(dataset, row, column - 2)).collect()),
        }
    })
}
