//! Imports are law: an edge between rooms that [`ROOMS`] does not list is a finding.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Finding;
use super::rooms::{ROOMS, Room};

/// Outside crates that a pure room must not have, because they do I/O, read a clock or run tasks.
const IMPURE: &[&str] = &[
    "tokio",
    "futures",
    "reqwest",
    "rusqlite",
    "tonic",
    "axum",
    "tracing",
    "metrics",
    "libloading",
    "jiff",
    "rand",
];

/// Checks every room's manifest, and that the workspace has no member outside the list.
///
/// # Errors
/// When a manifest can't be read.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = members(&manifest(root, "Cargo.toml")?);
    for room in ROOMS {
        let file = format!("{}/Cargo.toml", room.folder);
        findings.extend(edges(room, &file, &manifest(root, &file)?));
    }
    Ok(findings)
}

fn manifest(root: &Path, file: &str) -> Result<toml::Table> {
    let text = fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
    text.parse().with_context(|| format!("{file} is not TOML"))
}

fn members(workspace: &toml::Table) -> Vec<Finding> {
    let listed = workspace.get("workspace").and_then(|table| table.get("members")?.as_array());
    let Some(listed) = listed else { return vec![Finding::at("Cargo.toml", 0, "has no workspace members")] };
    let known = |folder: &str| ROOMS.iter().any(|room| room.folder == folder);
    let strangers = listed.iter().filter_map(toml::Value::as_str).filter(|folder| !known(folder));
    strangers
        .map(|folder| {
            Finding::at("Cargo.toml", 0, format!("`{folder}` is no room; add it to xtask/src/tidy/rooms.rs"))
        })
        .collect()
}

/// Checks one room's manifest.
#[must_use]
pub fn edges(room: &Room, file: &str, manifest: &toml::Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
        for name in names(manifest, section) {
            let ours = ROOMS.iter().any(|other| other.package == name);
            let allowed = room.may_import.contains(&name.as_str())
                || (section == "dev-dependencies"
                    && (room.tests_may_import.contains(&name.as_str()) || room.package == name));
            if ours && !allowed {
                findings.push(Finding::at(
                    file,
                    0,
                    format!(
                        "`{}` must not import `{name}` ({section}); the order of rooms is in ARCHITECTURE.md",
                        room.package
                    ),
                ));
            }
            if room.pure && section == "dependencies" && IMPURE.contains(&name.as_str()) {
                findings.push(Finding::at(file, 0, format!("the pure room must not depend on `{name}`")));
            }
        }
    }
    findings
}

fn names(manifest: &toml::Table, section: &str) -> Vec<String> {
    let mut names: Vec<String> = manifest
        .get(section)
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(toml::Table::keys)
        .cloned()
        .collect();
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table) {
        names.extend(names_of(target, section));
    }
    names
}

fn names_of(table: &toml::Table, section: &str) -> Vec<String> {
    table
        .get(section)
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(toml::Table::keys)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::rooms;

    fn findings(folder: &str, manifest: &str) -> Vec<String> {
        let room = rooms::of(&format!("{folder}/Cargo.toml")).expect("a room");
        let manifest = manifest.parse().expect("TOML");
        edges(room, "Cargo.toml", &manifest).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn an_edge_up_the_list_is_found() {
        let found = findings(
            "crates/features",
            "[dependencies]\nkline.workspace = true\nforecast.workspace = true\n",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("must not import `forecast`"), "{found:?}");
    }

    #[test]
    fn only_tests_may_drive_the_simulated_exchange() {
        assert_eq!(
            findings("server", "[dev-dependencies]\nexchange-sim.workspace = true\n"),
            Vec::<String>::new()
        );
        assert_eq!(findings("server", "[dependencies]\nexchange-sim.workspace = true\n").len(), 1);
        assert_eq!(findings("crates/exchange-sim", "[dev-dependencies]\nmarket.workspace = true\n").len(), 1);
    }

    #[test]
    fn an_edge_for_one_target_only_is_found_too() {
        let manifest = "[target.'cfg(unix)'.dependencies]\nserver = '1'\nklinecast-server = '1'\n";
        assert_eq!(findings("client", manifest).len(), 1);
    }

    #[test]
    fn a_runtime_in_a_pure_room_is_found() {
        assert_eq!(findings("crates/forecast", "[dependencies]\ntokio = '1'\n").len(), 1);
        assert_eq!(findings("crates/market", "[dependencies]\ntokio = '1'\n"), Vec::<String>::new());
    }
}
