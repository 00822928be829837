//! The files of `deploy/` and `k8s/` that ask for metrics. Rule files are read line by line, in the one form that they
//! are written in: promtool reads them as YAML and says whether they are rules.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A recording or alerting rule.
#[derive(Debug, Default)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) alert: bool,
    pub(super) expr: String,
    /// The names of the labels that it adds.
    pub(super) labels: Vec<String>,
    pub(super) severity: String,
    pub(super) runbook: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file, named from the root.
pub(super) fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn texts(folder: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), read(&format!("{folder}/{name}")))).collect()
}

/// Every rule of `deploy/prometheus/rules`.
pub(super) fn rules() -> Vec<Rule> {
    texts("deploy/prometheus/rules").iter().flat_map(|(_, text)| read_rules(text)).collect()
}

/// The tests of the rules, as one text.
pub(super) fn promtool_tests() -> String {
    texts("deploy/prometheus/tests").into_iter().map(|(_, text)| text).collect()
}

fn read_rules(text: &str) -> Vec<Rule> {
    const STARTS: [(&str, bool); 2] = [("- alert: ", true), ("- record: ", false)];
    let mut rules: Vec<Rule> = Vec::new();
    let (mut section, mut in_block) = ("", false);
    for line in text.lines() {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        let start = STARTS.iter().find_map(|(mark, alert)| Some((line.strip_prefix(mark)?, *alert)));
        if let Some((name, alert)) = start {
            rules.push(Rule { name: name.to_owned(), alert, ..Rule::default() });
            (section, in_block) = ("", false);
            continue;
        }
        let Some(rule) = rules.last_mut() else { continue };
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        if in_block && indent > 8 {
            rule.expr = format!("{} {line}", rule.expr);
        } else if indent == 8 {
            (section, in_block) = (key, key == "expr" && value == "|");
            if key == "expr" && !in_block {
                // A quoted text of YAML, where it has to be one.
                rule.expr =
                    value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value).to_owned();
            }
        } else if section == "labels" {
            rule.labels.push(key.to_owned());
            if key == "severity" {
                value.clone_into(&mut rule.severity);
            }
        } else if section == "annotations" && key == "runbook" {
            value.clone_into(&mut rule.runbook);
        }
    }
    rules
}

/// Every query of every board, with its place: panels, marks on the time axis, variables.
pub(super) fn boards() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for (name, text) in texts("deploy/grafana/boards") {
        let board: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        collect(&name, &board, &mut queries);
    }
    queries
}

fn collect(place: &str, value: &Value, queries: &mut Vec<(String, String)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(place, item, queries)),
        Value::Object(fields) => {
            let title = fields.get("title").and_then(Value::as_str);
            let place = title.map_or_else(|| place.to_owned(), |title| format!("{place}, {title}"));
            for (key, inner) in fields {
                match inner {
                    Value::String(text) if key == "expr" => queries.push((place.clone(), text.clone())),
                    Value::String(text) if key == "query" && text.starts_with("label_values(") => {
                        // The last argument is a label.
                        let series = text["label_values(".len()..].rsplit_once(',').map(|(series, _)| series);
                        queries.push((place.clone(), series.unwrap_or_default().to_owned()));
                    }
                    inner => collect(&place, inner, queries),
                }
            }
        }
        _ => {}
    }
}

/// The series that the adapter for the autoscaler looks for.
pub(super) fn adapter() -> Vec<(String, String)> {
    let text = read("k8s/prometheus-adapter.yaml");
    let found: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("seriesQuery: "))
        .map(|query| ("prometheus-adapter".to_owned(), query.trim_matches('\'').to_owned()))
        .collect();
    assert!(!found.is_empty(), "the adapter looks for nothing");
    found
}
