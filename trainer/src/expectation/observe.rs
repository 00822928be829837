//! The values of each measure.

use std::collections::BTreeSet;

use features::Catalogue;
use forecast::Task;
use kline::Symbol;

use super::Measure;
use crate::profile::Change;
use crate::quality::{Fault, SymbolQuality};
use crate::time::readable_day;
use crate::validate::{Column, Validation};

/// The training, tuning and test window by their names.
const WINDOWS: [&str; 3] = ["train", "tune", "test"];

/// Everything that expectations may look at.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The symbols that were asked for; none means all that there are.
    pub wanted: &'a [Symbol],
    /// How good the klines are.
    pub quality: &'a [SymbolQuality],
    /// What the rows are like.
    pub facts: &'a Validation,
    /// What has changed since the last data version; `None` if there is none.
    pub change: Option<&'a Change>,
}

impl Observed<'_> {
    /// A measure's values by their keys. All are finite.
    #[must_use]
    pub fn values(&self, measure: Measure) -> Vec<(String, f64)> {
        match measure {
            Measure::SymbolBars => self.bars(),
            Measure::DayScore => self.days(),
            Measure::WindowRows
            | Measure::FeaturesShare
            | Measure::RowsAhead
            | Measure::RowsSame
            | Measure::OutcomeKnown
            | Measure::ClassShare => self.rows(measure),
            Measure::FeatureInfinite
            | Measure::FeatureMissing
            | Measure::FeatureConstant
            | Measure::FeatureLeast
            | Measure::FeatureGreatest => self.features(measure),
            Measure::ChangeCatalogue
            | Measure::ChangeColumns
            | Measure::ChangeSymbols
            | Measure::ChangePsi
            | Measure::ChangeKs
            | Measure::ChangeMissing
            | Measure::ChangeClassShare => {
                self.change.map_or_else(Vec::new, |change| changes(change, measure))
            }
            _ => self.quality.iter().map(|one| (one.symbol.to_string(), of_symbol(one, measure))).collect(),
        }
    }

    fn bars(&self) -> Vec<(String, f64)> {
        let there = self.quality.iter().map(|one| (one.symbol, one.bars as f64));
        let has = |symbol: &&Symbol| self.quality.iter().any(|one| one.symbol == **symbol);
        let absent: BTreeSet<Symbol> = self.wanted.iter().filter(|symbol| !has(symbol)).copied().collect();
        let absent = absent.into_iter().map(|symbol| (symbol, 0.0));
        there.chain(absent).map(|(symbol, bars)| (symbol.to_string(), bars)).collect()
    }

    fn days(&self) -> Vec<(String, f64)> {
        let of = |one: &SymbolQuality| {
            let symbol = one.symbol;
            let days = one.days.iter().filter(|day| day.missing_bars < day.expected_bars);
            days.map(|day| (format!("{symbol} {}", readable_day(day.day)), day.score)).collect::<Vec<_>>()
        };
        self.quality.iter().flat_map(of).collect()
    }

    fn rows(&self, measure: Measure) -> Vec<(String, f64)> {
        let facts = self.facts;
        let named = |key: &str, value: f64| vec![(key.to_owned(), value)];
        let share = |columns: usize| columns as f64 / facts.features.max(1) as f64;
        match measure {
            Measure::WindowRows => {
                WINDOWS.into_iter().zip(facts.rows).map(|(key, rows)| (key.to_owned(), rows as f64)).collect()
            }
            Measure::FeaturesShare => vec![
                ("empty".to_owned(), share(facts.empty_columns.len())),
                ("constant".to_owned(), share(facts.constant_columns.len())),
            ],
            Measure::RowsAhead => {
                let told = facts.ahead.first().map_or_else(|| "ahead".to_owned(), Clone::clone);
                named(&told, facts.ahead.len() as f64)
            }
            Measure::RowsSame => named("same", facts.causal_rows as f64),
            _ => Task::ALL.into_iter().flat_map(|task| self.outcomes(task, measure)).collect(),
        }
    }

    fn outcomes(&self, task: Task, measure: Measure) -> Vec<(String, f64)> {
        let Some(balance) = self.facts.outcomes.get(task.name()) else { return Vec::new() };
        let (names, values) = if measure == Measure::OutcomeKnown {
            (&WINDOWS[..], &balance.known_shares[..])
        } else {
            (task.class_names(), &balance.class_shares[..])
        };
        names.iter().zip(values).map(|(name, share)| (format!("{task} {name}"), *share)).collect()
    }

    fn features(&self, measure: Measure) -> Vec<(String, f64)> {
        let rows = self.facts.rows[0].max(1) as f64;
        let value = |column: &Column| match measure {
            Measure::FeatureInfinite => Some(column.infinite as f64),
            Measure::FeatureMissing => Some(1.0 - column.known as f64 / rows),
            Measure::FeatureConstant => Some(f64::from(u8::from(column.is_constant()))),
            Measure::FeatureLeast => Some(column.least).filter(|value| value.is_finite()),
            _ => Some(column.greatest).filter(|value| value.is_finite()),
        };
        let named = Catalogue::standard().names().zip(&self.facts.columns);
        named.filter_map(|(name, column)| Some((name.to_owned(), value(column)?))).collect()
    }
}

fn of_symbol(one: &SymbolQuality, measure: Measure) -> f64 {
    let bars = one.bars.max(1) as f64;
    let share = |fault: Fault| f64::from(one.faults.of(fault)) / bars;
    match measure {
        Measure::SymbolScore => one.score,
        Measure::SymbolMissing => one.missing_bars as f64 / (bars + one.missing_bars as f64),
        Measure::SymbolLongestGap => one.longest_gap_bars as f64,
        Measure::SymbolDuplicate => share(Fault::Duplicate),
        Measure::SymbolStale => share(Fault::Stale),
        Measure::SymbolZeroVolume => share(Fault::ZeroVolume),
        Measure::SymbolOutlier => share(Fault::Outlier),
        Measure::SymbolLoneSpike => share(Fault::LoneSpike),
        Measure::SymbolInconsistent => share(Fault::Inconsistent),
        Measure::SymbolDisputed => share(Fault::Disputed),
        _ => one.bars_without_flow as f64 / bars,
    }
}

fn changes(change: &Change, measure: Measure) -> Vec<(String, f64)> {
    let ones = |names: &BTreeSet<String>| names.iter().map(|name| (name.clone(), 1.0)).collect();
    match measure {
        Measure::ChangeCatalogue => {
            vec![("catalogue".to_owned(), f64::from(u8::from(!change.same_catalogue)))]
        }
        Measure::ChangeColumns => ones(&change.columns),
        Measure::ChangeSymbols => ones(&change.symbols),
        Measure::ChangeClassShare => change.classes.iter().map(|(key, by)| (key.clone(), *by)).collect(),
        _ => {
            let of = change.features.iter().map(|(name, feature)| {
                let value = match measure {
                    Measure::ChangePsi => feature.psi,
                    Measure::ChangeKs => feature.ks,
                    _ => feature.missing,
                };
                (name.clone(), value)
            });
            of.collect()
        }
    }
}
