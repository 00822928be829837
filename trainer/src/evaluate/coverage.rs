//! How often bands hold what comes true: as they would have been served, with the quantiles of the bundle until they are
//! renewed from what has come true.

use std::collections::BTreeMap;

use forecast::{BAND_LEVELS, Bands, Task, renewal_block};
use kline::{BarTime, Symbol};
use serde::{Deserialize, Serialize};

use super::slices::month_of;
use crate::answers::Answers;
use crate::dataset::Dataset;
use crate::served::Served;
use crate::slice::Cut;

/// The bands of one task at one level on some rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The task.
    pub task: Task,
    /// Which rows.
    pub cut: Cut,
    /// The share that the bands were to hold.
    pub level: f64,
    /// Rows with a band and an outcome.
    pub rows: u32,
    /// The share that they held.
    pub held: f64,
    /// The bands' mean width, in the outcome's unit.
    pub width: f64,
}

#[derive(Default, Clone, Copy)]
struct Sum {
    rows: u32,
    held: u32,
    width: f64,
}

/// Serves the ensembles' answers to the rows from `from` on, which end with the test window, and says what the bands held in
/// it: over all rows, by symbol, by month and by regime. `ensembles` are by [`Task::index`], and what is served afterwards.
pub(super) fn serve(
    dataset: &Dataset,
    bands: &Bands,
    from: usize,
    ensembles: &mut [&mut Answers],
) -> Vec<Coverage> {
    let mut served = Served::new(bands);
    let mut sums: BTreeMap<(Task, Cut, usize), Sum> = BTreeMap::new();
    let test = dataset.range(dataset.split.test);
    for row in from..test.end {
        let key = dataset.key(row);
        let symbol = dataset.symbols[usize::from(key.symbol)];
        let outcomes = &dataset.outcomes(row..row + 1)[0];
        let cuts = cuts(symbol, key.bar, outcomes[Task::VolRegime4Step.index()]);
        let mut answers = Task::ALL.map(|task| ensembles[task.index()].row(task, row - from));
        let place = (symbol, renewal_block(key.bar, dataset.interval));
        served.take(place, &mut answers, outcomes, |task, band, held| {
            let level = BAND_LEVELS.iter().position(|level| *level == band.level).unwrap_or(0);
            for cut in cuts.iter().flatten().filter(|_| row >= test.start) {
                let sum = sums.entry((task, cut.clone(), level)).or_default();
                sum.rows += 1;
                sum.held += u32::from(held);
                sum.width += band.high - band.low;
            }
        });
        for (ensemble, answer) in ensembles.iter_mut().zip(&answers) {
            ensemble.set_row(row - from, answer);
        }
    }
    let line = |((task, cut, level), sum): ((Task, Cut, usize), Sum)| Coverage {
        task,
        cut,
        level: BAND_LEVELS[level],
        rows: sum.rows,
        held: f64::from(sum.held) / f64::from(sum.rows),
        width: sum.width / f64::from(sum.rows),
    };
    sums.into_iter().map(line).collect()
}

fn cuts(symbol: Symbol, bar: BarTime, regime: f64) -> [Option<Cut>; 4] {
    let names = Task::VolRegime4Step.class_names();
    let regime = names.get(regime as usize).filter(|_| !regime.is_nan());
    [
        Some(Cut::All),
        Some(Cut::Symbol(symbol)),
        Some(Cut::Month(month_of(bar))),
        regime.map(|name| Cut::Regime((*name).to_owned())),
    ]
}
