//! What an audit of causality found: a part of every bundle, so that whoever serves it need not take on trust that
//! its rows were made from the past alone.

use std::fmt;

use kline::{BarTime, Interval, Symbol};
use serde::{Deserialize, Serialize};

/// The contents of `causality.json`. Holds no wall-clock time: the same klines and seed give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CausalityCertificate {
    /// Whether nothing was found.
    pub passed: bool,
    /// The catalogue whose features were audited, in hexadecimal digits.
    pub catalogue_hash: String,
    /// The content hash of the klines that were changed.
    pub data_version: String,
    /// The step.
    pub interval: Interval,
    /// The markets, sorted.
    pub symbols: Vec<Symbol>,
    /// The seed of cut bars and changes.
    pub seed: u64,
    /// The bars after which everything was changed, ascending.
    pub cut_bars: Vec<BarTime>,
    /// Those before which each input was changed on its own, ascending.
    pub input_bars: Vec<BarTime>,
    /// Copies with another future, compared up to the cut bar.
    pub ahead: Comparison,
    /// Copies with another past, whose outcomes were compared from the cut bar on.
    pub back: Comparison,
    /// Copies in which one input alone was changed.
    pub inputs: Comparison,
    /// Features in the catalogue.
    pub features: u64,
    /// Features that a declared input moves.
    pub features_alive: u64,
    /// Inputs that the features declare.
    pub inputs_declared: u64,
    /// Inputs that were seen to move the feature that declares them.
    pub inputs_proven: u64,
    /// Columns that some klines lacked and that were filled in for the audit.
    pub filled_columns: Vec<String>,
    /// Made-up markets that took the place of others, where the klines had too few to judge cross-symbol features.
    pub stand_ins: Vec<Symbol>,
    /// What was found.
    pub offences: Vec<Offence>,
}

/// How much was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Changed copies of the klines.
    pub copies: u64,
    /// Rows of the copies that were compared with the unchanged ones.
    pub rows: u64,
    /// Bits of these rows that were compared.
    pub bits: u64,
}

/// One feature, context or outcome that is not what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offence {
    /// What is wrong.
    pub kind: OffenceKind,
    /// Whose fault it is: a feature, a part of the context, or a task.
    pub name: String,
    /// Where it was seen.
    pub detail: String,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffenceKind {
    /// It moved with klines that came later.
    LooksAhead,
    /// An outcome moved with klines before its bar, its declared scale unmoved.
    LooksBack,
    /// No input moved it.
    Dead,
    /// A declared input never moved it.
    SilentInput,
    /// An input that is not declared moved it.
    UndeclaredInput,
}

impl OffenceKind {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LooksAhead => "looks ahead",
            Self::LooksBack => "looks back",
            Self::Dead => "is dead",
            Self::SilentInput => "ignores a declared input",
            Self::UndeclaredInput => "reads an undeclared input",
        }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.name, self.kind.as_str(), self.detail)
    }
}

impl CausalityCertificate {
    /// Why the certificate does not speak for a bundle of these features and klines, if it does not; the sentence
    /// goes on after "the causality certificate".
    #[must_use]
    pub fn problem(&self, catalogue_hash: &str, data_version: &str) -> Option<String> {
        if let Some(first) = self.offences.first() {
            return Some(format!("names {} offences, the first: {first}", self.offences.len()));
        }
        if !self.passed {
            return Some("did not pass".to_owned());
        }
        for (what, found, expected) in [
            ("catalogue", &self.catalogue_hash, catalogue_hash),
            ("data version", &self.data_version, data_version),
        ] {
            if found != expected {
                return Some(format!("is of {what} {found}, not of {expected}"));
            }
        }
        let idle = [self.ahead, self.back, self.inputs].iter().any(|compared| compared.rows == 0);
        if idle || self.features_alive != self.features || self.inputs_proven != self.inputs_declared {
            return Some(format!(
                "proves too little: {} of {} features, {} of {} inputs, {} rows",
                self.features_alive, self.features, self.inputs_proven, self.inputs_declared, self.ahead.rows
            ));
        }
        None
    }
}
