//! The ensemble beside its best baseline on parts of the test window.

use std::collections::BTreeMap;
use std::fmt;

use forecast::Task;
use forecast::score::ratio_skill;
use kline::{BarTime, Symbol};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;

/// Some rows of the test window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// All rows.
    All,
    /// The rows of a symbol.
    Symbol(Symbol),
    /// Those of a month, for example `2025-01`.
    Month(String),
    /// Those whose bar lies in an hour of the day, UTC.
    Hour(u8),
    /// Those after which the volatility came out low, normal or high.
    Regime(String),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Symbol(symbol) => write!(f, "{symbol}"),
            Self::Month(month) => f.write_str(month),
            Self::Hour(hour) => write!(f, "{hour:02} h"),
            Self::Regime(regime) => f.write_str(regime),
        }
    }
}

/// The ensemble on a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Which rows.
    pub cut: Cut,
    /// Rows with both losses.
    pub rows: u32,
    /// The ensemble's mean loss.
    pub loss: f64,
    /// The best baseline's on the same rows.
    pub baseline_loss: f64,
    /// `1 - loss/baseline_loss`; `None` where the baseline has none.
    pub skill: Option<f64>,
}

/// The parts by symbol, month, hour and regime, in this order; rows that lack a loss are left out.
pub(super) fn slices(dataset: &Dataset, losses: &[f64], baseline_losses: &[f64]) -> Vec<Slice> {
    let range = dataset.range(dataset.split.test);
    let names = Task::VolRegime4Step.class_names();
    let mut sums: BTreeMap<Cut, (u32, [f64; 2])> = BTreeMap::new();
    for ((row, loss), baseline) in range.zip(losses).zip(baseline_losses) {
        if loss.is_nan() || baseline.is_nan() {
            continue;
        }
        let key = dataset.key(row);
        let regime = dataset.outcomes(row..row + 1)[0][Task::VolRegime4Step.index()];
        let regime = names.get(regime as usize).filter(|_| !regime.is_nan());
        let cuts = [
            Some(Cut::Symbol(dataset.symbols[usize::from(key.symbol)])),
            Some(Cut::Month(month_of(key.bar))),
            Some(Cut::Hour(hour_of(key.bar))),
            regime.map(|name| Cut::Regime((*name).to_owned())),
        ];
        for cut in cuts.into_iter().flatten() {
            let (rows, sums) = sums.entry(cut).or_default();
            *rows += 1;
            *sums = [sums[0] + loss, sums[1] + baseline];
        }
    }
    let slice = |(cut, (rows, [loss, baseline])): (Cut, (u32, [f64; 2]))| Slice {
        cut,
        rows,
        loss: loss / f64::from(rows),
        baseline_loss: baseline / f64::from(rows),
        skill: Some(ratio_skill(loss, baseline)).filter(|skill| skill.is_finite()),
    };
    sums.into_iter().map(slice).collect()
}

/// A bar's month, for example `2025-01`.
pub(super) fn month_of(bar: BarTime) -> String {
    crate::time::readable(bar.milliseconds()).chars().take(7).collect()
}

/// The hour of the day, UTC, in which a bar ends.
fn hour_of(bar: BarTime) -> u8 {
    (bar.milliseconds().div_euclid(3_600_000).rem_euclid(24)) as u8
}
