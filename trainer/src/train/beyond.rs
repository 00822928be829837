//! Where a value stands that can't be learned from.

use std::ops::Range;

use features::Catalogue;

use crate::TrainerError;
use crate::dataset::Dataset;
use crate::fit::FitError;

/// A fault in some rows that were read; of a value, with the feature, the symbol and the bar that it is of.
pub(super) fn told(dataset: &Dataset, rows: Range<usize>, fault: FitError) -> TrainerError {
    let FitError::Value { value } = fault else { return fault.into() };
    let same = |other: &f64| other.to_bits() == value.to_bits();
    let place = dataset.pieces(rows).find_map(|(piece, values)| {
        let at = values.iter().position(same)?;
        Some((piece.start + at / dataset.width(), at % dataset.width()))
    });
    let named = place.and_then(|(row, column)| Some((row, Catalogue::standard().names().nth(column)?)));
    let Some((row, feature)) = named else { return fault.into() };
    let (symbol, bar) = (dataset.symbol(row), dataset.key(row).bar);
    TrainerError::Value { value, feature, symbol, bar }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{Split, Window};
    use exchange_sim::synthetic;
    use kline::{BarTime, Interval};

    const STEP: Interval = Interval::M15;
    const DAYS: usize = 40;

    #[test]
    fn a_value_is_told_with_its_feature_symbol_and_bar_and_other_faults_as_they_are() {
        let start = 1_735_689_600_000;
        let market = synthetic::generate(7, STEP, start, DAYS * 96).expect("a market");
        let klines = market.into_iter().collect();
        let bar = |day: i64| BarTime::from_open(start + day * 86_400_000, STEP).expect("on the grid");
        let window = Window { from: bar(36), until: bar(39) };
        let split = Split { train: window, tune: window, test: window };
        let folder = tempfile::tempdir().expect("a folder");
        let dataset = Dataset::build(&klines, STEP, split, (1, folder.path()), || ()).expect("rows");
        let rows = dataset.range(window);
        assert!(rows.len() > 500, "{} rows", rows.len());
        let (row, column) = (rows.start + 301, 7);
        let value = dataset.row(row)[column];
        let fault = |value| FitError::Value { value };
        let told = told_of(&dataset, rows.clone(), fault(value));
        let feature = Catalogue::standard().names().nth(column).expect("a feature");
        let place = format!("{feature} of {} at {}", dataset.symbol(row), dataset.key(row).bar);
        assert!(told.starts_with(&format!("no booster can learn from {place}, which is {value}")), "{told}");
        // One that is not among these rows, and another fault.
        let told = told_of(&dataset, rows.clone(), fault(1e39));
        assert!(told.contains("the value 1000"), "{told}");
        let told = told_of(&dataset, rows, FitError::Nul { text: "a".to_owned() });
        assert!(told.contains("NUL"), "{told}");
    }

    fn told_of(dataset: &Dataset, rows: Range<usize>, fault: FitError) -> String {
        told(dataset, rows, fault).to_string()
    }
}
