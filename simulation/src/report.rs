//! A table for people: what each kind of fault did.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use exchange_sim::FaultKind;
use kline::Milliseconds;

use crate::Verdict;

/// What came of all seeds with one selection of faults.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The faults, for example `late-final` or `mixed`.
    pub name: String,
    /// How many days were run.
    pub days: usize,
    /// How many faults were injected.
    pub faults: u64,
    /// Predictions compared, and journalled with all revisions.
    pub predictions: (u64, u64),
    /// Outcomes compared.
    pub outcomes: u64,
    /// Klines that were made of trades.
    pub from_trades: u64,
    /// Seeds that ended wrong.
    pub wrong: u64,
    recoveries: BTreeMap<FaultKind, Vec<Milliseconds>>,
}

impl Row {
    /// No seed yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds what came of a seed.
    pub fn add(&mut self, days: usize, verdict: &Verdict) {
        self.days += days;
        self.faults += verdict.faults.values().sum::<u64>();
        self.predictions.0 += verdict.predictions;
        self.predictions.1 += verdict.journalled;
        self.outcomes += verdict.outcomes;
        self.from_trades += verdict.from_trades;
        self.wrong += u64::from(!verdict.problems.is_empty());
        for (kind, recovery) in &verdict.recoveries {
            self.recoveries.entry(*kind).or_default().push(*recovery);
        }
    }

    /// The median and the longest time to recover over all faults, in milliseconds.
    #[must_use]
    pub fn recovery(&self) -> Option<(Milliseconds, Milliseconds)> {
        let mut all: Vec<Milliseconds> = self.recoveries.values().flatten().copied().collect();
        all.sort_unstable();
        Some((*all.get(all.len() / 2)?, *all.last()?))
    }

    /// One line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let recovery = self.recovery();
        serde_json::json!({
            "faults": self.name, "days": self.days, "fault_count": self.faults,
            "predictions": self.predictions.0, "journalled": self.predictions.1, "outcomes": self.outcomes,
            "from_trades": self.from_trades,
            "wrong_seeds": self.wrong,
            "recovery_median_ms": recovery.map(|(median, _)| median),
            "recovery_max_ms": recovery.map(|(_, longest)| longest),
        })
        .to_string()
    }
}

/// All rows as a table.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header([
        "faults",
        "days",
        "injected",
        "predictions",
        "revisions",
        "outcomes",
        "of trades",
        "wrong seeds",
        "recovery p50",
        "max",
    ]);
    for row in rows {
        let seconds = |time: Milliseconds| format!("{:.1} s", time as f64 / 1_000.0);
        let recovery = row.recovery();
        table.add_row([
            row.name.clone(),
            row.days.to_string(),
            row.faults.to_string(),
            row.predictions.0.to_string(),
            (row.predictions.1.saturating_sub(row.predictions.0)).to_string(),
            row.outcomes.to_string(),
            row.from_trades.to_string(),
            row.wrong.to_string(),
            recovery.map_or_else(|| "-".to_owned(), |(median, _)| seconds(median)),
            recovery.map_or_else(|| "-".to_owned(), |(_, longest)| seconds(longest)),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
