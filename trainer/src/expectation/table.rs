//! A checked suite as a table.

use super::{Checked, Severity};
use crate::console;

/// A line an expectation.
#[must_use]
pub(crate) fn table(checked: &Checked) -> String {
    let rows = checked.verdicts.iter().map(|one| {
        let word = match (one.passed, one.expectation.severity) {
            (true, _) => "passed",
            (false, Severity::Error) => "FAILED",
            (false, Severity::Warn) => "warning",
        };
        vec![
            one.expectation.name.clone(),
            word.to_owned(),
            one.checked.to_string(),
            one.unexpected.to_string(),
            one.bound(),
            one.told(),
        ]
    });
    let table = console::table(&["expectation", "", "checked", "unexpected", "expected", "found"], rows);
    let Checked { suite, errors, warnings, .. } = checked;
    format!("{table}\nsuite {suite}: {errors} errors, {warnings} warnings\n")
}
