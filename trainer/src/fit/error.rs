//! What can go wrong between us and the original libraries.

use std::path::PathBuf;

/// Why a model was not trained or asked.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The shared library is nowhere to be found.
    #[error(
        "{library} was not found: {variable} is not set and no directory from {from} upwards has {relative}; run scripts/setup, or set {variable} to the shared library"
    )]
    Missing {
        /// `LightGBM` or `XGBoost`.
        library: &'static str,
        /// The environment variable that names the file.
        variable: &'static str,
        /// Where the search began.
        from: PathBuf,
        /// The path looked for below each directory.
        relative: &'static str,
    },
    /// The shared library is there but can't be used.
    #[error("{library} at {path} could not be loaded: {source}; run scripts/setup again")]
    Load {
        /// `LightGBM` or `XGBoost`.
        library: &'static str,
        /// The file.
        path: PathBuf,
        /// The loader's own words.
        source: libloading::Error,
    },
    /// The library refused a call.
    #[error("{library} refused {call}: {message}")]
    Refused {
        /// `LightGBM` or `XGBoost`.
        library: &'static str,
        /// The C function.
        call: &'static str,
        /// The library's last error.
        message: String,
    },
    /// A library is asked from within a training on the same thread.
    #[error("{library} is asked while this thread trains; a training's progress may not call the libraries")]
    Amid {
        /// `LightGBM` or `XGBoost`.
        library: &'static str,
    },
    /// Two inputs that belong together differ in size.
    #[error("{what} has {found} values, but {expected} are needed")]
    Shape {
        /// Which input.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A value that can't be learned from.
    #[error("no booster can learn from the value {value}: it is beyond single precision")]
    Value {
        /// The value.
        value: f64,
    },
    /// A label that the loss has no place for.
    #[error("the label {label} can't be learned by {loss}")]
    Label {
        /// The label.
        label: f32,
        /// What is minimised.
        loss: &'static str,
    },
    /// Rows that are followed have other bins than those that are learned from.
    #[error("rows can't be followed that are not binned like those that are learned from")]
    Unlike,
    /// A number is larger than the C API can take.
    #[error("{what} is {value}, more than the library can take")]
    TooLarge {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: usize,
    },
    /// A text has a NUL inside.
    #[error("{text:?} has a NUL character inside")]
    Nul {
        /// The text.
        text: String,
    },
    /// The library answered something that its documentation does not foresee.
    #[error("{library} answered {answer:?} where {expected} was expected")]
    Answer {
        /// `LightGBM` or `XGBoost`.
        library: &'static str,
        /// What it said.
        answer: String,
        /// What was expected.
        expected: &'static str,
    },
}
