//! The catalogue: every feature's name, group, window, unit, warm-up, definition, source and inputs, as data.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::definition::FeatureDefinition;
use crate::{cross, indicator};

/// SHA-256 over every definition in order: the same hash means the same columns.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CatalogueHash(pub [u8; 32]);

impl fmt::Display for CatalogueHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for CatalogueHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatalogueHash({self})")
    }
}

impl Serialize for CatalogueHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CatalogueHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(&text, &mut hash).map_err(|error| {
            serde::de::Error::custom(format!("catalogue hash {text:?} is not 64 hex digits: {error}"))
        })?;
        Ok(Self(hash))
    }
}

/// How another list of feature names differs from this catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatalogueDifference {
    /// Names of the catalogue that the other list lacks.
    pub missing: Vec<String>,
    /// Names of the other list that the catalogue lacks.
    pub unknown: Vec<String>,
    /// The first position at which the names differ although both lists hold the same ones.
    pub first_moved: Option<String>,
}

impl CatalogueDifference {
    /// Says whether the names are the same in the same order (a definition may still differ: compare hashes).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unknown.is_empty() && self.first_moved.is_none()
    }
}

impl fmt::Display for CatalogueDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("same feature names in the same order, so a definition has changed");
        }
        let mut parts = Vec::new();
        if !self.missing.is_empty() {
            parts.push(format!("it lacks {}", self.missing.join(", ")));
        }
        if !self.unknown.is_empty() {
            parts.push(format!("this program lacks {}", self.unknown.join(", ")));
        }
        if let Some(name) = &self.first_moved {
            parts.push(format!("the order differs from {name} on"));
        }
        f.write_str(&parts.join("; "))
    }
}

/// Raised whenever a bit of any feature may change although no definition does: a bundle that was trained on other bits
/// is refused.
const ARITHMETIC: u32 = 3;

/// Those of one symbol, then those over all symbols.
fn definitions() -> Vec<FeatureDefinition> {
    let own = indicator::ALL.iter().flat_map(|indicator| indicator.definitions);
    let cross = cross::ALL.iter().flat_map(|indicator| indicator.definitions);
    own.chain(cross).copied().collect()
}

/// The ordered list of features.
#[derive(Debug)]
pub struct Catalogue {
    definitions: Vec<FeatureDefinition>,
    hash: CatalogueHash,
}

impl Catalogue {
    /// The catalogue that this version computes.
    #[must_use]
    pub fn standard() -> &'static Self {
        static STANDARD: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::of(definitions()));
        &STANDARD
    }

    fn of(definitions: Vec<FeatureDefinition>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(ARITHMETIC.to_le_bytes());
        for definition in &definitions {
            let inputs: Vec<&str> = definition.inputs.iter().map(|input| input.as_str()).collect();
            let fields = [
                definition.name,
                definition.group.as_str(),
                &definition.window.to_string(),
                definition.unit.as_str(),
                &definition.warm_up_bars.to_string(),
                definition.definition,
                definition.source,
                &inputs.join(","),
            ];
            hasher.update(fields.join("\t").as_bytes());
            hasher.update(b"\n");
        }
        let hash = CatalogueHash(hasher.finalize().into());
        Self { definitions, hash }
    }

    /// Every feature, in the order of a row's values.
    #[must_use]
    pub fn definitions(&self) -> &[FeatureDefinition] {
        &self.definitions
    }

    /// Every name, in the order of a row's values.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &'static str> + '_ {
        self.definitions.iter().map(|definition| definition.name)
    }

    /// How many features there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Says whether there is no feature (never, for the standard catalogue).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// The place of a feature in a row.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.definitions.iter().position(|definition| definition.name == name)
    }

    /// The hash over names, windows, definitions and everything else in the catalogue.
    #[must_use]
    pub const fn hash(&self) -> CatalogueHash {
        self.hash
    }

    /// Compares with another list of names, for a message that says what differs.
    #[must_use]
    pub fn difference<Name: AsRef<str>>(&self, other: &[Name]) -> CatalogueDifference {
        let has = |name: &str| other.iter().any(|there| there.as_ref() == name);
        let missing: Vec<String> = self.names().filter(|name| !has(name)).map(str::to_owned).collect();
        let there = other.iter().map(AsRef::as_ref);
        let unknown: Vec<String> =
            there.clone().filter(|name| self.index_of(name).is_none()).map(str::to_owned).collect();
        let moved = self.names().zip(there).find(|(ours, theirs)| ours != theirs);
        let first_moved = if missing.is_empty() && unknown.is_empty() {
            moved.map(|(ours, _)| ours.to_owned())
        } else {
            None
        };
        CatalogueDifference { missing, unknown, first_moved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_lower_case_and_found() {
        let catalogue = Catalogue::standard();
        assert!(catalogue.len() >= 64, "{} features", catalogue.len());
        for (index, name) in catalogue.names().enumerate() {
            assert_eq!(catalogue.index_of(name), Some(index), "{name} stands twice");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
        }
    }

    #[test]
    fn a_changed_word_changes_the_hash() {
        let mut definitions = Catalogue::standard().definitions.clone();
        assert_eq!(Catalogue::of(definitions.clone()).hash(), Catalogue::standard().hash());
        definitions[3].window += 1;
        assert_ne!(Catalogue::of(definitions).hash(), Catalogue::standard().hash());
    }

    #[test]
    fn a_difference_names_the_features() {
        let catalogue = Catalogue::standard();
        let mut names: Vec<&str> = catalogue.names().collect();
        assert!(catalogue.difference(&names).is_empty());
        names.swap(0, 1);
        assert!(catalogue.difference(&names).to_string().contains(catalogue.definitions()[0].name));
        names[0] = "moon_phase";
        let text = catalogue.difference(&names).to_string();
        assert!(text.contains("moon_phase") && text.contains(catalogue.definitions()[1].name), "{text}");
    }
}
