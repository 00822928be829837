//! The raw scores of rows while a model grows, kept up to date by its new trees.

use super::cells::Cells;
use super::grown::Grown;
use super::threads::by_rows;

/// Rows whose bins stay at hand while one tree after another passes.
const BLOCK_ROWS: usize = 512;

/// Raw scores, row after row, one an output.
#[derive(Debug)]
pub(super) struct Scores {
    values: Vec<f32>,
    outputs: usize,
    /// How many trees are in them.
    trees: usize,
}

impl Scores {
    /// Of so many rows, before any tree; `base` has one raw score an output.
    pub(super) fn new(rows: usize, base: &[f32]) -> Self {
        Self { values: base.repeat(rows), outputs: base.len(), trees: 0 }
    }

    /// With all trees, in the order in which the library adds them.
    pub(super) fn up_to(&mut self, grown: &[Grown], cells: &Cells, threads: usize) -> &[f32] {
        let (outputs, new) = (self.outputs, &grown[self.trees..]);
        by_rows(&mut self.values, outputs, threads, |first, values| {
            for (block, values) in values.chunks_mut(BLOCK_ROWS * outputs).enumerate() {
                for tree in new {
                    tree.add(cells.from(first + block * BLOCK_ROWS), outputs, values);
                }
            }
        });
        self.trees = grown.len();
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Binning, XgBoost};
    use super::*;
    use crate::fit::{Loss, Matrix, Parameters, Schedule, xgboost_path};

    const COLUMNS: usize = 3;
    const NAMES: [&str; COLUMNS] = ["a", "b", "c"];

    /// Rows of which one in eight values is missing, others rise by the row, and what can be learned of them.
    fn rows(count: usize) -> (Vec<f64>, Vec<f32>) {
        let value = |row: usize, column: usize| match (row * 31 + column * 17) % 8 {
            0 => f64::NAN,
            part => ((row * (column + 3)) % 97) as f64 + part as f64 / 8.0,
        };
        let values: Vec<f64> =
            (0..count).flat_map(|row| (0..COLUMNS).map(move |column| value(row, column))).collect();
        let labels = values
            .chunks_exact(COLUMNS)
            .map(|row| f32::from(u8::from(row[0] > 40.0) + u8::from(row[1] > 60.0)));
        let labels = labels.collect();
        (values, labels)
    }

    #[test]
    fn scores_have_the_librarys_bits_with_any_number_of_threads() {
        let library = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
        let (values, labels) = rows(9_001);
        let matrix = Matrix::new(&values, COLUMNS).expect("rows");
        let binning = Binning { bins: 32, threads: 2, part_of: None };
        let mut data = library.binned(matrix, binning, None).expect("bins");
        let single: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let asked = library.data(Matrix::new(&single, COLUMNS).expect("rows"), 1).expect("rows");
        let parameters = Parameters::default()
            .with("tree_method", "hist")
            .with("grow_policy", "lossguide")
            .with("max_depth", 0)
            .with("max_leaves", 20)
            .with("max_bin", 32)
            .with("verbosity", 0);
        for (loss, base) in [
            (Loss::SquaredError, "3e-1"),
            (Loss::BinaryLogLoss, "2e-1"),
            (Loss::ClassesLogLoss(3), "[1e-1,-3e-1,2e-1]"),
        ] {
            let most = if loss == Loss::BinaryLogLoss { 1.0 } else { 2.0 };
            let labels: Vec<f32> = labels.iter().map(|label| label.min(most)).collect();
            data.set_labels(&labels).expect("labels");
            let parameters = parameters.clone().with("base_score", base);
            let schedule = (Schedule { rounds_max: 12, patience: 1 }, &(|| 2_usize) as &dyn Fn() -> usize);
            let fit = library.train((&data, None), &NAMES, loss, &parameters, schedule, &mut |_, _| ());
            let model = library.model(&fit.expect("a model").file).expect("its own file");
            let expected = model.predict(&asked, true).expect("raw scores");
            let file = model.saved(c"{\"format\": \"json\"}").expect("a file");
            let grown = Grown::all(&file, &data.edges, COLUMNS, loss.outputs()).expect("trees");
            let base: Vec<f32> =
                serde_json::from_str(base).unwrap_or_else(|_| vec![base.parse().expect("a number")]);
            let base: Vec<f32> = base.into_iter().map(|base| loss.raw(base)).collect();
            let cells = &data.parts[0].cells;
            for threads in [1, 2, 5] {
                let mut scores = Scores::new(cells.rows(), &base);
                // Bit by bit, as a training does.
                for trees in [0, 1, 5, grown.len()] {
                    scores.up_to(&grown[..trees], cells, threads);
                }
                let found = scores.up_to(&grown, cells, threads);
                let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert!(bits(found) == bits(&expected), "{loss:?} with {threads} threads");
            }
        }
    }
}
