use std::fmt;

use crate::Library;

/// Where in a model file something was found: a key, a tree, a node, a byte, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The key, field or section of the file's format.
    pub key: Option<String>,
    /// The tree's index.
    pub tree: Option<usize>,
    /// The node's index in its tree.
    pub node: Option<usize>,
    /// The line of a text file, counted from 1.
    pub line: Option<usize>,
    /// The byte offset in a binary file.
    pub byte: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(key) = &self.key {
            write!(f, "`{key}`")?;
            separator = ", ";
        }
        let numbers = [("tree", self.tree), ("node", self.node), ("line", self.line), ("byte", self.byte)];
        for (word, number) in numbers {
            if let Some(number) = number {
                write!(f, "{separator}{word} {number}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() { f.write_str("the file") } else { Ok(()) }
    }
}

/// Why a model file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not what the format prescribes.
    #[error("{place} is malformed: {problem}")]
    Malformed {
        /// Where it was found.
        place: Place,
        /// What is wrong there.
        problem: String,
    },
    /// The model contradicts itself: a child out of range, a cycle, a feature that there is not.
    #[error("{place} contradicts the rest of the model: {problem}")]
    Contradictory {
        /// Where it was found.
        place: Place,
        /// What is wrong there.
        problem: String,
    },
    /// The model uses something that this crate does not score.
    #[error("{what} is not supported")]
    Unsupported {
        /// The feature of the library, by the library's own name.
        what: String,
    },
    /// The file asks for more than [`Limits`](crate::Limits) allows.
    #[error(
        "the model has {found} {what}, more than the limit of {limit}: raise `Limits::{limit_name}` if it is to be trusted"
    )]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many the file has or claims.
        found: usize,
        /// How many are allowed.
        limit: usize,
        /// The field of `Limits` that says so.
        limit_name: &'static str,
    },
}

/// Why a row was not scored: a slice has the wrong length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The row has another number of values than the model has features.
    #[error("the row has {found} values, but the model reads {expected} features")]
    RowWidth {
        /// The model's feature count.
        expected: usize,
        /// The row's length.
        found: usize,
    },
    /// A batch is not a whole number of rows.
    #[error("the batch has {found} values, which is not a whole number of rows of {expected} features")]
    BatchWidth {
        /// The model's feature count.
        expected: usize,
        /// The batch's length.
        found: usize,
    },
    /// The output slice has the wrong length.
    #[error("the output has room for {found} values, but the answer has {expected}")]
    OutputWidth {
        /// Rows times outputs.
        expected: usize,
        /// The slice's length.
        found: usize,
    },
}

/// Why rows whose values have these names are not what a model reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeatureError {
    /// A feature stands at another place.
    #[error(
        "the model reads `{name}` as value {expected} of a row, but it is value {found}: order the rows as the model does"
    )]
    Elsewhere {
        /// The feature's name.
        name: String,
        /// Its index in the model.
        expected: usize,
        /// Its index among the names given.
        found: usize,
    },
    /// A feature of the model is not there.
    #[error(
        "the model reads `{name}` as value {index} of a row, but there is no such name: add it, or train on what there is"
    )]
    Missing {
        /// The feature's name.
        name: String,
        /// Its index in the model.
        index: usize,
    },
    /// All the model's features are there, and more.
    #[error("the rows have `{name}` as value {index}, but the model reads {index} features: leave it out")]
    Surplus {
        /// The first name that the model does not know.
        name: String,
        /// Its index among the names given.
        index: usize,
    },
}

/// Passes if the names are the model's, in its order.
pub(crate) fn check_features<S: AsRef<str>>(expected: &[String], found: &[S]) -> Result<(), FeatureError> {
    for (index, name) in expected.iter().enumerate() {
        let is_it = |other: &S| other.as_ref() == name;
        if !found.get(index).is_some_and(is_it) {
            return Err(match found.iter().position(is_it) {
                Some(found) => FeatureError::Elsewhere { name: name.clone(), expected: index, found },
                None => FeatureError::Missing { name: name.clone(), index },
            });
        }
    }
    let index = expected.len();
    found
        .get(index)
        .map_or(Ok(()), |name| Err(FeatureError::Surplus { name: name.as_ref().to_owned(), index }))
}

/// Why a model can't be explained: its file doesn't say, or doesn't say sensibly, how much of the training data
/// passed each node. It is scored all the same.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ExplainError {
    /// The file has no covers.
    #[error(
        "tree {tree} has no covers ({keys}), which explanations need: save the model with {library} itself, unabridged"
    )]
    NoCovers {
        /// The tree's index.
        tree: usize,
        /// The keys of the file's format that hold them.
        keys: &'static str,
        /// The library whose model it is.
        library: Library,
    },
    /// A split has no cover, or a node a negative, infinite or undefined one.
    #[error(
        "a {what} of tree {tree} has the cover {cover:?} ({keys}), by which an explanation can't weigh: train the model anew, or restore the counts"
    )]
    BadCover {
        /// The tree's index.
        tree: usize,
        /// Whether it is a split or a leaf.
        what: &'static str,
        /// The cover as the file has it.
        cover: f64,
        /// The keys of the file's format that hold the covers.
        keys: &'static str,
    },
}

impl Place {
    pub(crate) fn key(key: impl Into<String>) -> Place {
        Place { key: Some(key.into()), ..Place::default() }
    }

    pub(crate) fn node(tree: usize, node: usize) -> Place {
        Place { tree: Some(tree), node: Some(node), ..Place::default() }
    }

    pub(crate) fn in_tree(mut self, tree: usize) -> Place {
        self.tree = Some(tree);
        self
    }

    pub(crate) fn malformed(self, problem: impl Into<String>) -> LoadError {
        LoadError::Malformed { place: self, problem: problem.into() }
    }

    pub(crate) fn contradictory(self, problem: impl Into<String>) -> LoadError {
        LoadError::Contradictory { place: self, problem: problem.into() }
    }
}

impl LoadError {
    pub(crate) fn unsupported(what: impl Into<String>) -> LoadError {
        LoadError::Unsupported { what: what.into() }
    }

    pub(crate) fn too_large(
        what: &'static str,
        found: usize,
        limit: usize,
        limit_name: &'static str,
    ) -> LoadError {
        LoadError::TooLarge { what, found, limit, limit_name }
    }

    /// Passes if `found` is within the limit.
    pub(crate) fn within(
        what: &'static str,
        found: usize,
        limit: usize,
        limit_name: &'static str,
    ) -> Result<(), LoadError> {
        if found > limit { Err(LoadError::too_large(what, found, limit, limit_name)) } else { Ok(()) }
    }
}

/// The first characters of what a file says, for messages: a file's one long line is no message.
pub(crate) fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Passes if a row has the width that is read.
pub(crate) fn check_width(found: usize, expected: usize) -> Result<(), RowError> {
    if found == expected { Ok(()) } else { Err(RowError::RowWidth { expected, found }) }
}

/// Passes if an output has exactly the room that an answer takes.
pub(crate) fn check_room(found: usize, expected: usize) -> Result<(), RowError> {
    if found == expected { Ok(()) } else { Err(RowError::OutputWidth { expected, found }) }
}

/// How many rows a batch has.
pub(crate) fn check_batch(found: usize, expected: usize) -> Result<usize, RowError> {
    match found.checked_div(expected) {
        Some(count) if count * expected == found => Ok(count),
        None if found == 0 => Ok(0),
        _ => Err(RowError::BatchWidth { expected, found }),
    }
}
