//! Which symbols are followed: the configured ones, and what was changed while serving, which outlives the process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kline::Symbol;
use serde::{Deserialize, Serialize};

/// The file in the home folder.
const FILE: &str = "followed.json";

/// Why the changes cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum FollowedError {
    /// The file cannot be read or written.
    #[error("{path} cannot be {what}: {source}; mend the folder's rights or its disk")]
    File {
        /// The file.
        path: String,
        /// `read` or `written`.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not ours.
    #[error(
        "{path} does not say which symbols were added and removed: {source}; mend it, or remove it to follow the configured ones"
    )]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// What was changed against the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    added: BTreeSet<Symbol>,
    removed: BTreeSet<Symbol>,
}

/// The configured symbols and what was changed since.
#[derive(Debug, Clone)]
pub struct Followed {
    path: PathBuf,
    configured: BTreeSet<Symbol>,
    changes: Changes,
}

impl Followed {
    /// Reads the changes of earlier processes from a home folder.
    ///
    /// # Errors
    /// A file that cannot be read or is not ours.
    pub fn read(home: &Path, configured: &[Symbol]) -> Result<Self, FollowedError> {
        let path = home.join(FILE);
        let name = || path.display().to_string();
        let changes = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| FollowedError::Malformed { path: name(), source })?,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => Changes::default(),
            Err(source) => return Err(FollowedError::File { path: name(), what: "read", source }),
        };
        Ok(Self { path, configured: configured.iter().copied().collect(), changes })
    }

    /// The symbols, sorted. When all were removed that are configured now, the configured ones: a server follows something.
    #[must_use]
    pub fn symbols(&self) -> Vec<Symbol> {
        let kept = self.configured.difference(&self.changes.removed);
        let symbols: BTreeSet<Symbol> = kept.chain(&self.changes.added).copied().collect();
        let symbols = if symbols.is_empty() { &self.configured } else { &symbols };
        symbols.iter().copied().collect()
    }

    /// Whether these are not just the configured ones.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.changes != Changes::default()
    }

    /// Follows these from now on and after a restart.
    ///
    /// # Errors
    /// A file that cannot be written; then nothing has changed.
    pub fn follow(&mut self, symbols: &[Symbol]) -> Result<(), FollowedError> {
        let symbols: BTreeSet<Symbol> = symbols.iter().copied().collect();
        let changes = Changes {
            added: symbols.difference(&self.configured).copied().collect(),
            removed: self.configured.difference(&symbols).copied().collect(),
        };
        self.write(&changes).map_err(|source| FollowedError::File {
            path: self.path.display().to_string(),
            what: "written",
            source,
        })?;
        self.changes = changes;
        Ok(())
    }

    /// Writes the file as a whole: a reader sees the old one or the new one.
    fn write(&self, changes: &Changes) -> std::io::Result<()> {
        let partial = self.path.with_extension("partial");
        let file = std::fs::File::create(&partial)?;
        serde_json::to_writer_pretty(&file, changes)?;
        file.sync_all()?;
        std::fs::rename(&partial, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<Symbol> {
        names.iter().map(|name| name.parse().expect("a name")).collect()
    }

    #[test]
    fn changes_outlive_the_process_and_go_over_whatever_is_configured() {
        let home = tempfile::tempdir().expect("a folder");
        let mut followed = Followed::read(home.path(), &named(&["A", "B"])).expect("no file is fine");
        assert!(!followed.is_changed());
        followed.follow(&named(&["B", "C"])).expect("written");
        assert_eq!(followed.symbols(), named(&["B", "C"]));

        let restarted = Followed::read(home.path(), &named(&["A", "B"])).expect("read");
        assert_eq!(restarted.symbols(), named(&["B", "C"]));
        let reconfigured = Followed::read(home.path(), &named(&["A", "D"])).expect("read");
        assert_eq!(reconfigured.symbols(), named(&["C", "D"]));

        followed.follow(&named(&["A", "B"])).expect("written");
        assert!(!Followed::read(home.path(), &named(&["A", "B"])).expect("read").is_changed());
    }

    #[test]
    fn a_server_follows_something_and_a_foreign_file_is_named() {
        let home = tempfile::tempdir().expect("a folder");
        let mut followed = Followed::read(home.path(), &named(&["A", "B"])).expect("no file is fine");
        followed.follow(&named(&["B"])).expect("written");
        assert_eq!(Followed::read(home.path(), &named(&["A"])).expect("read").symbols(), named(&["A"]));
        std::fs::write(home.path().join(FILE), "{\"add\": []}").expect("written");
        let refused = Followed::read(home.path(), &named(&["A"])).expect_err("not ours");
        assert!(refused.to_string().contains("followed.json"), "{refused}");
    }
}
