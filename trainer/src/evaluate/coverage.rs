//! How often bands hold what comes true: as they would have been served, with the quantiles of the bundle until they are
//! renewed from what has come true.

use std::collections::BTreeMap;

use forecast::{Answer, BAND_LEVELS, Band, BandWindow, Bands, SymbolBands, Task, band_block, has_bands};
use kline::{BarTime, Symbol};
use serde::{Deserialize, Serialize};

use super::slices::{Cut, month_of};
use crate::answers::Answers;
use crate::dataset::Dataset;

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

/// Serves bands to rows in ascending order of bars, as the server does: the bundle's until they are renewed from what has
/// come true among the rows before.
#[derive(Debug)]
pub(crate) struct Served<'a> {
    bands: &'a Bands,
    window: BandWindow,
    renewed: (i64, BTreeMap<Symbol, SymbolBands>),
}

impl<'a> Served<'a> {
    pub(crate) fn new(bands: &'a Bands) -> Self {
        Self { bands, window: BandWindow::default(), renewed: (i64::MIN, BTreeMap::new()) }
    }

    /// The bands of a row's answers, by task, and whether they held; `values` are the ensembles' answers to the tasks with
    /// bands, by [`Task::index`].
    pub(crate) fn take(
        &mut self,
        (symbol, block): (Symbol, i64),
        values: &[f64; Task::COUNT],
        outcomes: &[f64; Task::COUNT],
        mut told: impl FnMut(Task, &Band, bool),
    ) {
        if self.renewed.0 != block {
            self.renewed = (block, self.window.block(block));
        }
        let own = self.renewed.1.get(&symbol).copied().unwrap_or_default().or(self.bands.of(symbol));
        let volatility = values[Task::Volatility4Step.index()];
        for task in Task::ALL.into_iter().filter(|task| has_bands(*task)) {
            let (value, outcome) = (values[task.index()], outcomes[task.index()]);
            for band in own.around(task, &Answer::Value(value), volatility) {
                if let Some(held) = band.holds(outcome) {
                    told(task, &band, held);
                }
            }
            self.window.scores(block).push(symbol, task, value, volatility, outcome);
        }
    }
}

/// What the bands of every task with bands held, over all rows, by symbol, by month and by regime. `answers` are those of
/// the ensembles to the rows of the test window, by [`Task::index`].
pub(super) fn coverage(dataset: &Dataset, bands: &Bands, answers: &[&Answers]) -> Vec<Coverage> {
    let mut served = Served::new(bands);
    let mut sums: BTreeMap<(Task, Cut, usize), Sum> = BTreeMap::new();
    for (place, row) in dataset.range(dataset.split.test).enumerate() {
        let key = dataset.key(row);
        let symbol = dataset.symbols[usize::from(key.symbol)];
        let outcomes = &dataset.outcomes(row..row + 1)[0];
        let values = Task::ALL
            .map(|task| if has_bands(task) { answers[task.index()].values[place] } else { f64::NAN });
        let cuts = cuts(symbol, key.bar, outcomes[Task::VolRegime4Step.index()]);
        served.take(
            (symbol, band_block(key.bar, dataset.interval)),
            &values,
            outcomes,
            |task, band, held| {
                let level = BAND_LEVELS.iter().position(|level| *level == band.level).unwrap_or(0);
                for cut in cuts.iter().flatten() {
                    let sum = sums.entry((task, cut.clone(), level)).or_default();
                    sum.rows += 1;
                    sum.held += u32::from(held);
                    sum.width += band.high - band.low;
                }
            },
        );
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
