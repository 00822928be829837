//! A training of XGBoost's.

use std::rc::Rc;

use super::groups::{self, Group};
use super::rows::XgBoostRows;
use super::whole::Whole;
use super::{LIBRARY, TURNS, XgBoost, XgBoostModel, missing, trees};
use crate::fit::bins::{Binned, Columns};
use crate::fit::boosting::{Grower, Grown, Objective, Taught, Training};
use crate::fit::{Fit, FitError, Loss, Parameters, Schedule, Threads};

/// A booster a round, on one group of columns of one part of the rows: to grow, the library keeps buffers of the rows' size a booster, and
/// a model of several groups would need one for each.
struct Growing<'a> {
    library: &'a XgBoost,
    columns: &'a Columns,
    outputs: usize,
    parts: Rc<Vec<Vec<Group>>>,
    told: Parameters,
    /// How many rounds each part has had.
    rounds: Vec<usize>,
    whole: Whole,
}

impl XgBoost {
    /// Trains on what is learned; follows the loss on what is followed and stops early, without it takes all rounds of the schedule.
    /// Keeps all rounds that were trained: [`XgBoost::first_rounds`] cuts them off. `progress` hears of each round: its number and
    /// its loss; it may not call a library. Rows in several parts are learned from by turns, a part a round. `threads` tells,
    /// before each round, how many it may take, which changes no bit of the model.
    ///
    /// # Errors
    /// When what is followed is not binned like what is learned, a label can't be learned, the library refuses the rows or the parameters, or
    /// not one round was better than none.
    pub fn train(
        &self,
        learned: &Taught<'_, XgBoostRows>,
        followed: Option<&Taught<'_, Binned>>,
        (loss, parameters): (Loss, &Parameters),
        schedule: (Schedule, Threads<'_>),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit, FitError> {
        let Taught { rows, labels, weights } = *learned;
        let objective = Objective { loss, class_hessian: 2.0 };
        let training = Training::new(objective, &Taught { rows: &*rows.binned, labels, weights }, followed)?;
        let columns = &*rows.binned.columns;
        let (groups, parameters) = groups::split(parameters, columns.count());
        let _turn = TURNS.take()?;
        let parts = self.groups(rows, groups, schedule.1.now())?;
        let mut growing = Growing {
            library: self,
            columns,
            outputs: loss.outputs(),
            told: told(loss, &parameters, training.base()),
            rounds: vec![0; parts.len()],
            parts,
            whole: Whole::default(),
        };
        training.run(&mut growing, schedule, progress)
    }

    fn booster(&self, group: &Group, columns: &Columns, told: &Parameters) -> Result<XgBoostModel, FitError> {
        let model = XgBoostModel::new(&self.api, &[&group.held])?;
        for (name, value) in told.iter() {
            model.set_parameter(name, value)?;
        }
        let names = group.columns.iter().filter_map(|column| Some(columns.get(*column)?.name.as_str()));
        model.set_names(&names.collect::<Vec<_>>())?;
        Ok(model)
    }
}

/// What all boosters are told.
fn told(loss: Loss, parameters: &Parameters, base: &[f32]) -> Parameters {
    let (objective, metric) = match loss {
        Loss::SquaredError => ("reg:squarederror", "rmse"),
        Loss::BinaryLogLoss => ("binary:logistic", "logloss"),
        Loss::ClassesLogLoss(_) => ("multi:softprob", "mlogloss"),
    };
    // The shortest decimals that read back as the same numbers.
    let numbers: Vec<String> = base.iter().map(|base| format!("{base:e}")).collect();
    let told = parameters.clone().with("objective", objective).with("eval_metric", metric);
    match loss {
        Loss::ClassesLogLoss(classes) => {
            told.with("num_class", classes).with("base_score", format!("[{}]", numbers.join(",")))
        }
        Loss::SquaredError | Loss::BinaryLogLoss => told.with("base_score", numbers.join(",")),
    }
}

impl Grower for Growing<'_> {
    const LIBRARY: &'static str = LIBRARY;

    fn grow(&mut self, part: usize, pairs: &[[f32; 2]], threads: usize) -> Result<Vec<Grown>, FitError> {
        let groups = &self.parts[part];
        let group = &groups[self.rounds[part] % groups.len()];
        let round: usize = self.rounds.iter().sum();
        let told = self.told.clone().apart(round).with("nthread", threads);
        let booster = self.library.booster(group, self.columns, &told)?;
        booster.grow(&group.held, pairs, self.outputs)?;
        self.rounds[part] += 1;
        // As a slice: it has no more of the training's settings.
        let file = booster.rounds(0..1)?.saved(c"{\"format\": \"json\"}")?;
        let grown = trees::read(&file, (self.columns, &group.columns), self.outputs)?;
        self.whole.push(&file, &group.columns, self.outputs)?;
        Ok(grown)
    }

    fn file(&mut self) -> Result<Vec<u8>, FitError> {
        let whole = std::mem::take(&mut self.whole).file(self.columns, self.outputs)?;
        missing::sent_left(self.library.read(&whole)?.save()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::boosting::Scores;
    use crate::fit::{Binning, Matrix, xgboost_path};
    use std::sync::Arc;

    const COLUMNS: usize = 7;
    const ROWS: usize = 9_001;
    const SCHEDULE: (Schedule, Threads<'static>) =
        (Schedule { rounds_max: 12, patience: 1 }, Threads { most: 2, now: &|| 2 });

    /// Rows of which one in eight values is missing, others rise by the row, and what can be learned of them.
    fn rows() -> (Vec<f64>, Vec<f32>) {
        let value = |row: usize, column: usize| match (row * 31 + column * 17) % 8 {
            0 => f64::NAN,
            part => ((row * (column + 3)) % 97) as f64 + part as f64 / 8.0,
        };
        let values: Vec<f64> =
            (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| value(row, column))).collect();
        let labels = values
            .chunks_exact(COLUMNS)
            .map(|row| f32::from(u8::from(row[0] > 40.0) + u8::from(row[1] > 60.0)));
        let labels = labels.collect();
        (values, labels)
    }

    #[test]
    fn scores_have_the_librarys_bits_with_any_number_of_threads() {
        let library = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
        let (values, labels) = rows();
        let matrix = Matrix::new(&values, COLUMNS).expect("rows");
        let binning =
            Binning { names: &["a", "b", "c", "d", "e", "f", "g"], bins: 32, threads: 2, part_of: None };
        let binned = Arc::new(Binned::new(matrix, binning).expect("bins"));
        let rows = library.rows(&binned, 32, 2).expect("rows");
        let single: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let asked = library.data(Matrix::new(&single, COLUMNS).expect("rows"), 1).expect("rows");
        let parameters = Parameters::default()
            .with("tree_method", "hist")
            .with("grow_policy", "lossguide")
            .with("max_depth", 0)
            .with("max_leaves", 20)
            .with("max_bin", 32)
            .with("verbosity", 0);
        let losses = [Loss::SquaredError, Loss::BinaryLogLoss, Loss::ClassesLogLoss(3)];
        // All columns to each tree, and groups of them.
        for (loss, share) in losses.into_iter().flat_map(|loss| [(loss, 1.0), (loss, 0.3)]) {
            let parameters = parameters.clone().with("colsample_bytree", share);
            let most = if loss == Loss::BinaryLogLoss { 1.0 } else { 2.0 };
            let labels: Vec<f32> = labels.iter().map(|label| label.min(most)).collect();
            let taught = Taught { rows: &rows, labels: &labels, weights: &[1.0; ROWS] };
            let fit = library.train(&taught, None, (loss, &parameters), SCHEDULE, &mut |_, _| ());
            let model = library.model(&fit.expect("a model").file).expect("its own file");
            let expected = model.predict(&asked, true).expect("raw scores");
            let file = model.saved(c"{\"format\": \"json\"}").expect("a file");
            let all: Vec<usize> = (0..COLUMNS).collect();
            let grown = trees::read(&file, (&binned.columns, &all), loss.outputs()).expect("trees");
            let objective = Objective { loss, class_hessian: 2.0 };
            let taught = Taught { rows: &*binned, labels: &labels, weights: &[1.0; ROWS] };
            let training = Training::new(objective, &taught, None).expect("a training");
            let base: Vec<f32> = training.base().iter().map(|base| loss.raw(*base)).collect();
            let cells = &binned.parts[0];
            for threads in [1, 2, 5] {
                let mut scores = Scores::new(cells.rows(), &base);
                // Bit by bit, as a training does.
                for trees in [0, 1, 5, grown.len()] {
                    scores.up_to(&grown[..trees], cells, threads);
                }
                let found = scores.up_to(&grown, cells, threads);
                let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert!(
                    bits(found) == bits(&expected),
                    "{loss:?}, {share} of the columns, {threads} threads"
                );
            }
        }
    }
}
