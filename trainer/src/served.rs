//! Answers as they would have been served: with bands, and as far as probabilities were believed by what had come true
//! before.

use std::collections::BTreeMap;

use forecast::{Answer, Band, Bands, RenewalWindow, SymbolRenewal, Task};
use kline::Symbol;

/// Every task's answer to one row, by [`Task::index`].
pub(crate) type RowAnswers = [Answer; Task::COUNT];

/// Serves rows in ascending order of bars, as the server does: with what the bundle ships until it is renewed from what has
/// come true among the rows before.
#[derive(Debug)]
pub(crate) struct Served<'a> {
    bands: &'a Bands,
    window: RenewalWindow,
    renewed: (i64, BTreeMap<Symbol, SymbolRenewal>),
}

impl<'a> Served<'a> {
    pub(crate) fn new(bands: &'a Bands) -> Self {
        Self { bands, window: RenewalWindow::default(), renewed: (i64::MIN, BTreeMap::new()) }
    }

    /// Turns the ensembles' answers to a row into what is served, and tells each band, and whether it held.
    pub(crate) fn take(
        &mut self,
        (symbol, block): (Symbol, i64),
        answers: &mut RowAnswers,
        outcomes: &[f64; Task::COUNT],
        mut told: impl FnMut(Task, &Band, bool),
    ) {
        if self.renewed.0 != block {
            self.renewed = (block, self.window.block(block));
        }
        let volatility = answers[Task::Volatility4Step.index()].value().unwrap_or(f64::NAN);
        let made = Task::ALL.into_iter().zip(answers.iter());
        self.window.push((symbol, block), made, volatility, outcomes);
        let own = self.renewed.1.get(&symbol).copied().unwrap_or_default();
        let bands = own.bands.or(self.bands.of(symbol));
        for (task, answer) in Task::ALL.into_iter().zip(answers) {
            for band in bands.around(task, answer, volatility) {
                if let Some(held) = band.holds(outcomes[task.index()]) {
                    told(task, &band, held);
                }
            }
            let made = std::mem::replace(answer, Answer::Value(f64::NAN));
            *answer = own.confidence.apply(task, made);
        }
    }
}
