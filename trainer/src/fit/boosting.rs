//! How a model grows, whichever library's trees it has: gradients, losses and answers are ours, trees the library's.

mod base;
mod grown;
mod objective;
mod scores;
mod training;

pub(super) use grown::{Grown, Told};
pub(super) use objective::Objective;
#[cfg(test)]
pub(super) use scores::Scores;
pub(super) use training::{Grower, Training};

/// Rows with what is to be learned of them: a label and a weight each. A row of weight 0 teaches nothing.
#[derive(Debug)]
pub struct Taught<'a, R> {
    /// The rows.
    pub rows: &'a R,
    /// What is to be answered, one value a row.
    pub labels: &'a [f32],
    /// How much each row counts.
    pub weights: &'a [f32],
}
