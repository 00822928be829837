//! The map: ARCHITECTURE.md names every room and answers the cold reader's questions; the commands exist.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Finding;
use super::rooms::ROOMS;

/// Sections that the map must have.
const QUESTIONS: &[&str] =
    &["**an indicator:**", "**a REST route:**", "**a new exchange:**", "**a new task:**"];
/// Documents that a newcomer looks for.
const DOCUMENTS: &[&str] = &["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "ARCHITECTURE.md"];
/// Lines that one page has.
const PAGE_LINES_MAX: usize = 90;

/// Checks the documents.
///
/// # Errors
/// When the map can't be read.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = DOCUMENTS
        .iter()
        .chain(&["scripts/run", "scripts/test", "scripts/setup", ".ci/run"])
        .filter(|name| !root.join(name).is_file())
        .map(|name| Finding::at(name, 0, "is missing"))
        .collect();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).context("cannot read ARCHITECTURE.md")?;
    findings.extend(map(&text));
    let missing = paths(&text).filter(|path| !root.join(path).exists());
    findings.extend(
        missing.map(|path| Finding::at("ARCHITECTURE.md", 0, format!("names `{path}`, which is not there"))),
    );
    Ok(findings)
}

/// The paths below a room that a text names between backticks.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let below_a_room = |path: &&str| {
        ROOMS.iter().any(|room| path.strip_prefix(room.folder).is_some_and(|rest| rest.starts_with('/')))
    };
    text.split('`').skip(1).step_by(2).filter(below_a_room)
}

/// Checks the map's text.
#[must_use]
pub fn map(text: &str) -> Vec<Finding> {
    let finding = |message: String| Finding::at("ARCHITECTURE.md", 0, message);
    let mut findings = Vec::new();
    for room in ROOMS.iter().filter(|room| {
        !text.contains(&format!("`{}`", room.folder)) && !text.contains(&format!("`{}/`", room.folder))
    }) {
        findings.push(finding(format!("does not mention the room `{}`", room.folder)));
    }
    for question in QUESTIONS.iter().filter(|question| !text.contains(**question)) {
        findings.push(finding(format!("does not answer where to add {question}")));
    }
    let lines = text.lines().count();
    if lines > PAGE_LINES_MAX {
        findings.push(finding(format!(
            "has {lines} lines, at most {PAGE_LINES_MAX} are allowed; it is one page"
        )));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_stands_between_backticks_below_a_room() {
        let text =
            "see `server/src/app.rs`, `cross/`, server/src/x.rs and `crates/kline`: `proto/klinecast/v1/`";
        assert_eq!(paths(text).collect::<Vec<_>>(), ["server/src/app.rs", "proto/klinecast/v1/"]);
    }

    #[test]
    fn a_room_that_the_map_forgets_is_found() {
        let whole: String = ROOMS.iter().map(|room| format!("`{}` ", room.folder)).collect();
        let whole = format!("{whole}{}", QUESTIONS.concat());
        assert_eq!(map(&whole), []);
        assert_eq!(map(&whole.replace("`crates/store`", "")).len(), 1);
        assert_eq!(map(&whole.replace("**a new task:**", "")).len(), 1);
    }
}
