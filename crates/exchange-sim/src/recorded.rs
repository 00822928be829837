//! Recorded klines.

use std::collections::BTreeMap;
use std::path::Path;

use kline::{Interval, Kline, Symbol};

use crate::KlineFileError;

/// Reads every `SYMBOL-INTERVAL.csv` and `.csv.gz` of a folder.
///
/// # Errors
/// The first file or line that is not what it should be.
pub fn read_folder(_folder: &Path, _interval: Interval) -> Result<BTreeMap<Symbol, Vec<Kline>>, KlineFileError> {
    todo!()
}
