//! Feature rows as a repository of Feast's: the rows as Parquet, one a symbol and moment, and the definitions in Python, made
//! from the catalogue.
//!
//! `feast apply` in the folder registers one feature view a group of the catalogue. `get_historical_features` then
//! answers for a symbol and moment the row of the last bar that had closed, if that is not older than one bar: in a hole of
//! the klines there is no value, as the server would say.

mod definitions;

use std::path::Path;

use features::Catalogue;
use kline::Milliseconds;

use crate::Result;
use crate::artefact::write_bytes;
use crate::dataset::Dataset;
use crate::parquet::{Cells, Column, Kind, write_sheet};

/// Where the rows lie in the repository.
const ROWS: &str = "data/features.parquet";

/// Feast's own settings: everything in files beside the definitions.
const STORE: &str = "\
# Made by `klinecast-trainer features --feast`.
project: klinecast
provider: local
registry: data/registry.db
online_store:
  type: sqlite
  path: data/online_store.db
offline_store:
  type: file
entity_key_serialization_version: 3
";

/// Writes `feature_store.yaml`, `klinecast_features.py` and `data/features.parquet` into a folder. The Parquet file has
/// `symbol`, `event_timestamp` (the bar's last millisecond, when the row is known), `created_timestamp` (when it was
/// made) and every feature by its name (NaN is missing).
///
/// # Errors
/// [`crate::TrainerError::Io`] or [`crate::TrainerError::Parquet`].
pub(crate) fn write(dataset: &Dataset, folder: &Path, created: Milliseconds) -> Result<()> {
    write_bytes(&folder.join("feature_store.yaml"), STORE.as_bytes())?;
    let definitions = definitions::python(Catalogue::standard(), dataset.interval, ROWS);
    write_bytes(&folder.join("klinecast_features.py"), definitions.as_bytes())?;
    let mut columns = vec![
        Column::new("symbol", Kind::Text),
        Column::new("event_timestamp", Kind::Time),
        Column::new("created_timestamp", Kind::Time),
    ];
    columns.extend(Catalogue::standard().names().map(|name| Column::new(name, Kind::Number)));
    let path = folder.join(ROWS);
    // Makes the folder, and takes away what an earlier run left.
    write_bytes(&path, &[])?;
    write_sheet(&path, &columns, dataset.len(), |column, rows| match column {
        0 => Cells::Texts(rows.map(|row| dataset.symbol(row).as_str().to_owned()).collect()),
        1 => Cells::Whole(rows.map(|row| dataset.key(row).bar.milliseconds()).collect()),
        2 => Cells::Whole(vec![created; rows.len()]),
        _ => Cells::Numbers(rows.map(|row| dataset.row(row)[column - 3]).collect()),
    })
}
