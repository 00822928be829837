//! Tensors: a name, dimensions, and elements row by row.

use std::borrow::Cow;

/// What a tensor's elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datatype {
    /// Texts in UTF-8.
    Bytes,
    /// Numbers of 64 bits.
    Fp64,
    /// Whole numbers of 64 bits.
    Int64,
}

impl Datatype {
    /// The protocol's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "BYTES",
            Self::Fp64 => "FP64",
            Self::Int64 => "INT64",
        }
    }
}

/// Elements row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum Elements {
    /// Of [`Datatype::Bytes`].
    Texts(Vec<String>),
    /// Of [`Datatype::Fp64`].
    Numbers(Vec<f64>),
    /// Of [`Datatype::Int64`].
    Integers(Vec<i64>),
}

impl Elements {
    /// What they are.
    #[must_use]
    pub const fn datatype(&self) -> Datatype {
        match self {
            Self::Texts(_) => Datatype::Bytes,
            Self::Numbers(_) => Datatype::Fp64,
            Self::Integers(_) => Datatype::Int64,
        }
    }
}

/// An output on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements.
    pub elements: Elements,
}
