//! The shape of a task's boosters, and what a file may say of one. What is beyond the bounds is no shape: it teaches nothing, or never ends.

use std::ops::RangeInclusive;

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most rounds, and the most patience.
pub const COUNT_MOST: usize = 100_000;

/// LightGBM keeps a histogram of every column for each: some 150 kB a leaf.
const LEAVES: RangeInclusive<usize> = 2..=2_048;

const COUNTS: RangeInclusive<usize> = 1..=COUNT_MOST;

const LEAF_ROWS: RangeInclusive<usize> = 1..=100_000_000;

const RATES: RangeInclusive<f64> = 1e-4..=1.0;

/// Of few rows or columns less would leave a tree none.
const SHARES: RangeInclusive<f64> = 0.01..=1.0;

const RIDGES: RangeInclusive<f64> = 0.0..=1e9;

/// The shape of one task's boosters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The most rounds.
    pub rounds_max: usize,
    /// Rounds without a new best loss after which a fold stops.
    pub patience: usize,
    /// The share of each tree's answer that is added.
    pub rate: f64,
    /// Leaves of a tree.
    pub leaves: usize,
    /// The least number of a leaf's rows.
    pub leaf_rows: usize,
    /// The share of the rows that a tree sees.
    pub rows_share: f64,
    /// The share of the columns that a tree sees.
    pub columns_share: f64,
    /// The weight of the squared answers of leaves in the loss.
    pub ridge: f64,
}

/// A task's shape in a file of shapes, with the number of those that were tried before it; 1 where the file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FoundShape {
    /// The shape.
    #[serde(flatten)]
    pub shape: Shape,
    /// Shapes that were tried, this one included.
    pub tried: u32,
}

impl FoundShape {
    /// Of the fields of a file, every one within its bounds.
    ///
    /// # Errors
    /// In words, the field that is missing, unknown or no such number.
    pub fn of(fields: Map<String, Value>) -> Result<Self, String> {
        let mut fields = Fields(fields);
        let tried = if fields.0.contains_key("tried") { fields.number("tried", 1..=u32::MAX)? } else { 1 };
        let shape = Shape {
            rounds_max: fields.number("rounds_max", COUNTS)?,
            patience: fields.number("patience", COUNTS)?,
            rate: fields.number("rate", RATES)?,
            leaves: fields.number("leaves", LEAVES)?,
            leaf_rows: fields.number("leaf_rows", LEAF_ROWS)?,
            rows_share: fields.number("rows_share", SHARES)?,
            columns_share: fields.number("columns_share", SHARES)?,
            ridge: fields.number("ridge", RIDGES)?,
        };
        match fields.0.keys().next() {
            Some(name) => Err(format!("{name:?} is no field of a shape")),
            None => Ok(Self { shape, tried }),
        }
    }
}

impl<'de> Deserialize<'de> for FoundShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn number<N: DeserializeOwned + PartialOrd + std::fmt::Display>(
        &mut self,
        name: &str,
        bounds: RangeInclusive<N>,
    ) -> Result<N, String> {
        let value = self.0.remove(name).ok_or_else(|| format!("{name} is missing"))?;
        let number = serde_json::from_value::<N>(value.clone()).ok();
        number.filter(|number| bounds.contains(number)).ok_or_else(|| {
            let value: String = value.to_string().chars().take(40).collect();
            format!("{name} is {value}, no number from {} to {}", bounds.start(), bounds.end())
        })
    }
}

/// What is wrong with a text that is no JSON, and after which name: JSON knows neither `NaN` nor `Infinity`, which other programs write.
pub(super) fn no_json(text: &[u8], error: &serde_json::Error) -> String {
    let lines: usize = text
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    let before = text.get(..lines + error.column()).unwrap_or(text);
    let before = String::from_utf8_lossy(before);
    match before.rsplit('"').nth(1).filter(|_| error.is_syntax()) {
        Some(name) => format!("{error}, after {:?}", name.chars().take(40).collect::<String>()),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn sound() -> Map<String, Value> {
        let fields = json!({
            "rounds_max": 300, "patience": 40, "rate": 0.04, "leaves": 24, "leaf_rows": 2_000, "rows_share": 0.5,
            "columns_share": 0.3, "ridge": 10.0,
        });
        serde_json::from_value(fields).expect("fields")
    }

    #[test]
    fn a_field_out_of_bounds_missing_or_unknown_is_named() {
        assert_eq!(FoundShape::of(sound()).map(|found| found.tried), Ok(1));
        let negative = json!(-1);
        for (name, values) in [
            ("rounds_max", [json!(0), negative.clone(), json!(1_000_000_000)]),
            ("patience", [json!(0), json!(1.5), json!(u64::MAX)]),
            ("rate", [json!(0.0), json!(-0.1), json!(1.01)]),
            ("leaves", [json!(1), json!(0), json!(1_000_000_000)]),
            ("leaf_rows", [json!(0), negative.clone(), json!(1e300)]),
            ("rows_share", [json!(0), json!(1.000_001), json!("half")]),
            ("columns_share", [json!(0.0), json!(1e-300), json!(null)]),
            ("ridge", [json!(-1e-9), json!(1e300), json!([1])]),
            ("tried", [json!(0), negative, json!(u64::from(u32::MAX) + 1)]),
        ] {
            for value in values {
                let mut fields = sound();
                fields.insert(name.to_owned(), value.clone());
                let told = FoundShape::of(fields).expect_err(name);
                assert!(told.starts_with(&format!("{name} is {value}, no number from ")), "{told}");
            }
            let mut fields = sound();
            if fields.remove(name).is_some() {
                assert_eq!(FoundShape::of(fields), Err(format!("{name} is missing")));
            }
        }
        let mut fields = sound();
        fields.insert("depth".to_owned(), 7.into());
        assert_eq!(FoundShape::of(fields), Err("\"depth\" is no field of a shape".to_owned()));
    }

    #[test]
    fn what_is_no_json_is_named_by_what_stands_before_it() {
        for (text, name) in [
            ("{\"a\": 1,\n \"rate\": NaN, \"b\": 2}", "rate"),
            ("{\"rate\": -Infinity}", "rate"),
            ("{\"b\": 2, \"ridge\": 1e999}", "ridge"),
        ] {
            let error = serde_json::from_str::<Value>(text).expect_err("no JSON");
            let told = no_json(text.as_bytes(), &error);
            assert!(told.contains(&format!("after {name:?}")), "{told}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rounds in COUNTS, leaves in LEAVES, rate in 1e-4f64..=1.0, tried in 1..u32::MAX) {
            let mut shape = FoundShape::of(sound()).expect("a shape").shape;
            (shape.rounds_max, shape.leaves, shape.rate) = (rounds, leaves, rate);
            let found = FoundShape { shape, tried };
            let text = serde_json::to_string(&found).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<FoundShape>(&text).expect("a shape"), found);
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            if let Err(error) = serde_json::from_str::<Map<String, Value>>(&text) {
                prop_assert!(!no_json(text.as_bytes(), &error).is_empty());
            }
        }
    }
}
