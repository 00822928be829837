//! The definitions of Feast's entities and feature views, in Python.

use std::fmt::Write as _;

use features::{Catalogue, FeatureDefinition, Group};
use kline::Interval;

/// What stands before the views. Names of Python's are written as JSON strings are.
const HEAD: &str = "\
\"\"\"The features of klinecast's catalogue as Feast's feature views, one a group.

Made by `klinecast-trainer features --feast`; a change by hand is lost with the next one.
\"\"\"

from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Float64

";

/// The module's text: the entity `symbol`, the source of the rows, and a feature view for each group of the catalogue.
pub(super) fn python(catalogue: &Catalogue, interval: Interval, rows: &str) -> String {
    let (hash, step) = (catalogue.hash(), interval.milliseconds());
    let mut text = HEAD.to_owned();
    let _ = write!(
        text,
        "CATALOGUE = \"{hash}\"\n\
         INTERVAL = timedelta(milliseconds={step})\n\n\
         symbol = Entity(\n    name=\"symbol\",\n    join_keys=[\"symbol\"],\n    value_type=ValueType.STRING,\n    \
         description=\"A market, as the exchange names it: BTCUSDT\",\n)\n\n\
         rows = FileSource(\n    name=\"klinecast_rows\",\n    path=str(Path(__file__).resolve().parent / {rows}),\n    \
         timestamp_field=\"event_timestamp\",\n    created_timestamp_column=\"created_timestamp\",\n    \
         file_format=ParquetFormat(),\n    description=\"Feature rows of {interval} klines, one a symbol and bar\",\n)\n",
        rows = literal(rows),
    );
    let mut groups: Vec<Group> = catalogue.definitions().iter().map(|definition| definition.group).collect();
    groups.sort();
    groups.dedup();
    for group in groups {
        view(&mut text, catalogue, group);
    }
    text
}

fn view(text: &mut String, catalogue: &Catalogue, group: Group) {
    let name = group.as_str();
    let _ = write!(
        text,
        "\n{name} = FeatureView(\n    name=\"{name}\",\n    entities=[symbol],\n    ttl=INTERVAL,\n    \
         source=rows,\n    online=True,\n    tags={{\"catalogue\": CATALOGUE}},\n    schema=[\n",
    );
    for definition in catalogue.definitions().iter().filter(|definition| definition.group == group) {
        field(text, definition);
    }
    text.push_str("    ],\n)\n");
}

fn field(text: &mut String, definition: &FeatureDefinition) {
    let (name, words) = (literal(definition.name), literal(definition.definition));
    let tags = [
        ("unit", definition.unit.as_str().to_owned()),
        ("window_bars", definition.window.to_string()),
        ("warm_up_bars", definition.warm_up_bars.to_string()),
        ("source", definition.source.to_owned()),
    ];
    let tags: Vec<String> =
        tags.iter().map(|(tag, value)| format!("\"{tag}\": {}", literal(value))).collect();
    let _ = write!(
        text,
        "        Field(\n            name={name},\n            dtype=Float64,\n            description={words},\n            \
         tags={{{}}},\n        ),\n",
        tags.join(", ")
    );
}

/// A string as Python reads it: JSON's are the same.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_stands_in_the_view_of_its_group() {
        let catalogue = Catalogue::standard();
        let text = python(catalogue, Interval::M15, "data/rows \"x\".parquet");
        assert!(
            text.contains("timedelta(milliseconds=900000)")
                && text.contains(r#"/ "data/rows \"x\".parquet""#)
        );
        let views: Vec<&str> = text.split(" = FeatureView(").skip(1).collect();
        assert_eq!(text.matches("        Field(\n").count(), catalogue.len());
        for definition in catalogue.definitions() {
            let name = format!("name=\"{}\"", definition.group.as_str());
            let view = views.iter().find(|view| view.contains(&name)).expect("a view");
            assert!(
                view.contains(&format!("            name=\"{}\",", definition.name)),
                "{}",
                definition.name
            );
        }
    }
}
