//! The history of changes: a tag of the changed version each, so that nothing is read, changed and written back.

use kline::Milliseconds;
use serde::{Deserialize, Serialize};

use super::client::Mlflow;
use super::models::Version;
use crate::{RegistryChange, StoreError};

/// What such a tag's name begins with; a number follows.
const PREFIX: &str = "klinecast.history.";
/// Longer notes are cut in the middle, for at their end stands who did it; MLflow takes tags of 5,000 characters, newer ones more.
const NOTE_CHARS_MAX: usize = 4_000;
const END_CHARS: usize = 200;

#[derive(Serialize, Deserialize)]
struct Entry {
    at: Milliseconds,
    change: String,
}

/// A version's changes and their numbers.
fn changes(version: &Version) -> impl Iterator<Item = (u64, RegistryChange)> {
    let number = version.number();
    version.tags().filter_map(move |(key, value)| {
        let place: u64 = key.strip_prefix(PREFIX)?.parse().ok()?;
        let Entry { at, change } = serde_json::from_str(value).ok()?;
        Some((place, RegistryChange { at, version: number?, change }))
    })
}

/// All changes, in the order in which they were made.
pub(super) fn read(versions: &[Version]) -> Vec<RegistryChange> {
    let mut all: Vec<_> = versions.iter().flat_map(changes).collect();
    // Two that were made at the same moment by two programs may have one number.
    all.sort_by_key(|(place, change)| (*place, change.at, change.version));
    all.into_iter().map(|(_, change)| change).collect()
}

/// Writes a change behind those that `versions` have.
pub(super) fn note(
    mlflow: &Mlflow,
    versions: &[Version],
    number: u32,
    change: &str,
    at: Milliseconds,
) -> Result<(), StoreError> {
    let last = versions.iter().flat_map(changes).map(|(place, _)| place).max();
    let place = last.map_or(0, |last| last + 1);
    let change = shortened(change);
    let encode = |source| StoreError::Encode { what: "note", source };
    let value = serde_json::to_string(&Entry { at, change }).map_err(encode)?;
    let tag = format!("{PREFIX}{place:08}");
    mlflow.set_tag("noting a change", mlflow.place().model(), number, (&tag, &value))
}

fn shortened(change: &str) -> String {
    let length = change.chars().count();
    if length <= NOTE_CHARS_MAX {
        return change.to_owned();
    }
    let beginning = change.chars().take(NOTE_CHARS_MAX - END_CHARS - 1);
    beginning.chain(['…']).chain(change.chars().skip(length - END_CHARS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_keeps_its_beginning_and_its_end() {
        let note = |gates: usize| format!("promoted by force past: {} (by ann)", "gáte; ".repeat(gates));
        assert_eq!(shortened(&note(10)), note(10));
        let cut = shortened(&note(2_000));
        assert_eq!(cut.chars().count(), NOTE_CHARS_MAX);
        assert!(cut.starts_with("promoted by force past: gáte; ") && cut.ends_with(";  (by ann)"), "{cut}");
    }
}
