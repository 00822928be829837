//! A row's values, so prepared that every split is one comparison: left if the value is at most the threshold.

use std::collections::BTreeMap;

use crate::Library;
use crate::score::reference::{ZERO_BAND, as_read, goes_left};
use crate::tree::{Categories, Missing, Rule};

/// One way of reading one feature.
#[derive(Debug, Clone)]
struct Column {
    feature: u32,
    reading: Reading,
}

#[derive(Debug, Clone)]
enum Reading {
    /// The value, or what goes the default way if it is missing.
    Number { missing: Missing, default_left: bool },
    /// [`LEFT`] or [`RIGHT`] by a split's own rule.
    Rule(Rule),
}

/// At most any threshold.
const LEFT: f64 = f64::NEG_INFINITY;
/// At most no threshold.
const RIGHT: f64 = f64::NAN;

/// All columns.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    library: Library,
    columns: Vec<Column>,
    numbers: BTreeMap<Key, u32>,
}

/// What of a split decides its column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(u32, Missing, bool),
    SetLeft(u32, Categories),
    SetRight(u32, Categories, bool),
    /// XGBoost's threshold of minus infinity, below which is nothing but what is missing.
    Never(u32, bool),
}

impl Columns {
    pub(super) fn new(library: Library) -> Columns {
        Columns { library, columns: Vec::new(), numbers: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// The column and the threshold of a split.
    pub(super) fn place(&mut self, feature: u32, rule: &Rule) -> (u32, f64) {
        let own = || Reading::Rule(rule.clone());
        let (key, reading, threshold) = match rule {
            Rule::AtMost { threshold, missing, default_left } => {
                let default_left = *default_left && *missing != Missing::Never;
                let reading = Reading::Number { missing: *missing, default_left };
                (Key::Number(feature, *missing, default_left), reading, *threshold)
            }
            Rule::Below { threshold, default_left } if *threshold == f32::NEG_INFINITY => {
                (Key::Never(feature, *default_left), own(), 0.0)
            }
            Rule::Below { threshold, default_left } => {
                let reading = Reading::Number { missing: Missing::NotANumber, default_left: *default_left };
                // Values are f32, so below the threshold is at most the f64 before it.
                let threshold = f64::from(*threshold).next_down();
                (Key::Number(feature, Missing::NotANumber, *default_left), reading, threshold)
            }
            Rule::AmongLeft { categories } => (Key::SetLeft(feature, categories.clone()), own(), 0.0),
            Rule::AmongRight { categories, default_left } => {
                (Key::SetRight(feature, categories.clone(), *default_left), own(), 0.0)
            }
        };
        let next = self.columns.len() as u32;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.columns.push(Column { feature, reading });
        }
        (number, threshold)
    }

    /// Forgets what only [`Columns::place`] needs.
    pub(super) fn finish(&mut self) {
        self.numbers.clear();
    }

    /// Reads a row into one value for each column.
    pub(super) fn read(&self, row: &[f64], values: &mut [f64]) {
        for (column, prepared) in self.columns.iter().zip(values) {
            *prepared = column.read(as_read(self.library, row[column.feature as usize]));
        }
    }
}

impl Column {
    fn read(&self, value: f64) -> f64 {
        let side = |goes_left: bool| if goes_left { LEFT } else { RIGHT };
        match &self.reading {
            Reading::Number { missing, default_left } => match missing {
                Missing::Never if value.is_nan() => 0.0,
                Missing::NotANumber if value.is_nan() => side(*default_left),
                Missing::Zero if value.is_nan() || value.abs() <= ZERO_BAND => side(*default_left),
                _ => value,
            },
            Reading::Rule(rule) => side(goes_left(rule, value)),
        }
    }
}
