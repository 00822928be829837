//! A checked suite as Great Expectations (1.x) reads it: the suite, the result of its validation, and the measured values that
//! it can be run on again.
//!
//! Each expectation is an `expect_column_values_to_be_between` of one column, which has the expectation's name; the
//! column's values are the measured ones.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Checked, Severity, Verdict};
use crate::Result;
use crate::artefact::write_json;

const TYPE: &str = "expect_column_values_to_be_between";

/// Writes `suite.json`, `validation.json` and `measured.json` into a folder.
///
/// # Errors
/// [`crate::TrainerError::Io`].
pub(crate) fn export(checked: &Checked, folder: &Path) -> Result<()> {
    write_json(&folder.join("suite.json"), &suite(checked))?;
    write_json(&folder.join("validation.json"), &validation(checked))?;
    write_json(&folder.join("measured.json"), &measured(checked))
}

fn configuration(verdict: &Verdict) -> Value {
    let expectation = &verdict.expectation;
    let mut kwargs = Map::new();
    kwargs.insert("column".to_owned(), json!(expectation.name));
    for (name, bound) in [("min_value", expectation.min), ("max_value", expectation.max)] {
        if let Some(bound) = bound {
            kwargs.insert(name.to_owned(), json!(bound));
        }
    }
    kwargs.insert("mostly".to_owned(), json!(expectation.mostly));
    let severity = match expectation.severity {
        Severity::Error => "critical",
        Severity::Warn => "warning",
    };
    json!({
        "type": TYPE,
        "kwargs": kwargs,
        "meta": { "of": expectation.of, "only": expectation.only, "remedy": expectation.remedy },
        "severity": severity,
    })
}

fn suite(checked: &Checked) -> Value {
    let expectations: Vec<Value> = checked.verdicts.iter().map(configuration).collect();
    json!({ "name": checked.suite, "expectations": expectations, "meta": {}, "notes": null })
}

fn validation(checked: &Checked) -> Value {
    let results: Vec<Value> = checked.verdicts.iter().map(result).collect();
    let count = checked.verdicts.len();
    let met = checked.verdicts.iter().filter(|one| one.passed).count();
    json!({
        "success": met == count,
        "suite_name": checked.suite,
        "results": results,
        "suite_parameters": {},
        "statistics": {
            "evaluated_expectations": count,
            "successful_expectations": met,
            "unsuccessful_expectations": count - met,
            "success_percent": if count == 0 { Value::Null } else { json!(100.0 * met as f64 / count as f64) },
        },
        "meta": {},
    })
}

fn result(verdict: &Verdict) -> Value {
    let percent = if verdict.checked == 0 {
        Value::Null
    } else {
        json!(100.0 * verdict.unexpected as f64 / verdict.checked as f64)
    };
    let samples: Vec<f64> = verdict.samples.iter().map(|sample| sample.value).collect();
    json!({
        "success": verdict.passed,
        "expectation_config": configuration(verdict),
        "result": {
            "element_count": verdict.checked,
            "unexpected_count": verdict.unexpected,
            "unexpected_percent": percent,
            "partial_unexpected_list": samples,
            "missing_count": 0,
            "missing_percent": 0.0,
        },
        "meta": { "keys": verdict.samples.iter().map(|sample| &sample.key).collect::<Vec<_>>() },
        "exception_info": { "raised_exception": false, "exception_traceback": null, "exception_message": null },
    })
}

/// By column: the keys, and the value of each.
fn measured(checked: &Checked) -> Value {
    let columns = checked.verdicts.iter().map(|one| {
        let (keys, values): (Vec<&str>, Vec<f64>) =
            one.values.iter().map(|(key, value)| (key.as_str(), *value)).unzip();
        (one.expectation.name.clone(), json!({ "keys": keys, "values": values }))
    });
    Value::Object(columns.collect())
}
