//! A model beside its best baseline on some of the rows that it answered.

use std::collections::BTreeMap;
use std::fmt;

use forecast::score::{CardDay, Figure, day_of, skill_of_days};
use kline::{BarTime, Symbol};
use serde::{Deserialize, Serialize};

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
    /// Those that a fold of the walk answered, from 1 on: no part of the test window.
    Fold(u16),
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
            Self::Fold(number) => write!(f, "fold {number}"),
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
    /// Its 95 % interval from blocks of days drawn again; `None` on fewer than five days.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
}

/// Losses by UTC day.
#[derive(Debug, Default)]
pub(crate) struct Days(BTreeMap<i64, CardDay>);

impl Days {
    /// Adds a row, if it has both losses.
    pub(crate) fn add(&mut self, bar: BarTime, loss: f64, baseline_loss: f64) {
        if loss.is_nan() || baseline_loss.is_nan() {
            return;
        }
        let day = day_of(bar);
        let sums = self.0.entry(day).or_insert(CardDay { day, count: 0, loss: 0.0, baseline_loss: 0.0 });
        sums.count += 1;
        sums.loss += loss;
        sums.baseline_loss += baseline_loss;
    }

    /// What they come to; `None` without rows.
    pub(crate) fn slice(self, cut: Cut) -> Option<Slice> {
        let days: Vec<CardDay> = self.0.into_values().collect();
        (!days.is_empty()).then(|| slice(cut, &days))
    }
}

fn slice(cut: Cut, days: &[CardDay]) -> Slice {
    let rows: u64 = days.iter().map(|day| day.count).sum();
    let [loss, baseline] = [|day: &CardDay| day.loss, |day: &CardDay| day.baseline_loss]
        .map(|of| days.iter().map(of).sum::<f64>());
    let Figure { value, low, high } = skill_of_days(days);
    Slice {
        cut,
        rows: u32::try_from(rows).unwrap_or(u32::MAX),
        loss: loss / rows as f64,
        baseline_loss: baseline / rows as f64,
        skill: Some(value).filter(|skill| skill.is_finite()),
        interval: Some([low, high]).filter(|ends| ends.iter().all(|end| end.is_finite())),
    }
}
