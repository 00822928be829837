//! All symbols, one sealed bar after another: the one place where features and outcomes are made, whoever drives it.

use features::{CloseError, FeatureEngine, Row, SnapshotError};
use kline::{BarTime, Interval, Kline, Symbol};

use crate::baseline::Columns;
use crate::{BaselineInputs, Outcome, OutcomeMachine};

/// The feature engine and every symbol's outcomes. A pure function of the klines of each bar, in ascending order of
/// bars; in which order they arrived does not come in.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    engine: FeatureEngine,
    machines: Vec<OutcomeMachine>,
    inputs: Vec<Option<BaselineInputs>>,
    columns: Columns,
    resolved: Vec<Outcome>,
}

impl Panel {
    pub(crate) fn new(symbols: &[Symbol], interval: Interval) -> Self {
        let engine = FeatureEngine::new(symbols, interval);
        let machines = vec![OutcomeMachine::new(interval); engine.symbols().len()];
        Self::assemble(engine, machines)
    }

    /// The panel whose engine and machines were saved. Its rows are known from the next bar on.
    ///
    /// # Errors
    /// Bytes that are no engine of this program, or machines that do not belong to it.
    pub(crate) fn restore(engine: &[u8], mut machines: Vec<OutcomeMachine>) -> Result<Self, SnapshotError> {
        let engine = FeatureEngine::restore(engine)?;
        let fits = machines.len() == engine.symbols().len()
            && machines.iter_mut().all(|machine| machine.complete(engine.interval()));
        if !fits {
            let reason = "the outcomes' state has another shape than this program's".to_owned();
            return Err(SnapshotError::Malformed { reason });
        }
        Ok(Self::assemble(engine, machines))
    }

    fn assemble(engine: FeatureEngine, machines: Vec<OutcomeMachine>) -> Self {
        let count = machines.len();
        Self {
            engine,
            machines,
            inputs: vec![None; count],
            columns: Columns::standard(),
            resolved: Vec::with_capacity(32),
        }
    }

    /// Takes all klines of one bar, later than any before, in ascending order of symbol indices. Appends the outcomes
    /// that are now resolved, and the klines that the engine did not take.
    pub(crate) fn step<'a>(
        &mut self,
        bar: BarTime,
        klines: impl Iterator<Item = (usize, &'a Kline)> + Clone,
        outcomes: &mut Vec<(usize, Outcome)>,
        refused: &mut Vec<(usize, CloseError)>,
    ) {
        for (index, kline) in klines.clone() {
            if let Err(error) = self.engine.close(index, kline) {
                refused.push((index, error));
            }
        }
        self.engine.seal(bar);
        self.inputs.fill(None);
        for (index, kline) in klines {
            let Some(row) = self.engine.row(index) else { continue };
            let sigma = self.columns.sigma(row.values);
            self.resolved.clear();
            let context = self.machines[index].push(bar, kline.close, sigma, &mut self.resolved);
            self.inputs[index] = Some(self.columns.inputs(bar, context, row.values));
            outcomes.extend(self.resolved.iter().map(|outcome| (index, *outcome)));
        }
    }

    /// Lets the features over all symbols look at `members` only; see [`FeatureEngine::measure_over`].
    pub(crate) fn measure_over(&mut self, members: &[bool]) {
        self.engine.measure_over(members);
    }

    pub(crate) const fn engine(&self) -> &FeatureEngine {
        &self.engine
    }

    pub(crate) fn machines(&self) -> &[OutcomeMachine] {
        &self.machines
    }

    /// The row of a symbol at the sealed bar, and what baselines know there.
    pub(crate) fn row(&self, index: usize) -> Option<(Row<'_>, &BaselineInputs)> {
        let inputs = self.inputs.get(index)?.as_ref()?;
        Some((self.engine.row(index)?, inputs))
    }

    /// What baselines would know if `kline` closed next, given the row that it would make.
    pub(crate) fn peek(&self, index: usize, bar: BarTime, kline: &Kline, row: &[f64]) -> BaselineInputs {
        let mut machine = self.machines[index].clone();
        let context = machine.push(bar, kline.close, self.columns.sigma(row), &mut Vec::new());
        self.columns.inputs(bar, context, row)
    }

    pub(crate) fn regime_bars_known(&self, index: usize) -> usize {
        self.machines[index].regime_bars_known()
    }
}
