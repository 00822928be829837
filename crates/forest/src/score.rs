//! The plain scorer, which is the specification, and the fast forms, which say the same.

pub(crate) mod bits;
#[cfg(test)]
mod forms_tests;
pub(crate) mod machine;
pub(crate) mod packed;
pub(crate) mod reference;

use self::bits::{Ranking, Trees};
use self::machine::Machine;
use self::packed::Packed;
use crate::Model;
use crate::model::Head;

/// A model in the form in which this machine scores it fastest.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// Small trees, all splits of a tree at once.
    Bits(Ranking, Trees),
    /// Trees walked side by side.
    Packed(Packed),
    /// What neither form has room for.
    Plain(Box<Model>),
}

impl Form {
    pub(crate) fn new(model: &Model) -> Form {
        let machine = Machine::detect();
        if machine.permutes_bytes()
            && let Some((ranking, trees)) = bits(model, machine)
        {
            return Form::Bits(ranking, trees);
        }
        Packed::new(model, machine).map_or_else(|| Form::Plain(Box::new(model.clone())), Form::Packed)
    }

    /// Writes the raw scores of rows that lie one after another, one at least; widths were checked.
    pub(crate) fn margins(&self, head: &Head, rows: &[f64], scores: &mut [f64]) {
        let (width, outputs) = (head.feature_names.len(), head.base.len());
        match self {
            Form::Bits(ranking, trees) => {
                let answers = scores.chunks_mut(bits::ROWS * outputs);
                for (rows, scores) in rows.chunks(bits::ROWS * width).zip(answers) {
                    let (ranks, count) = ranking.rank_rows(rows, width);
                    trees.margins(&ranks[..count], &head.base, scores);
                }
            }
            Form::Packed(packed) => {
                let answers = scores.chunks_mut(packed::ROWS * outputs);
                for (rows, scores) in rows.chunks(packed::ROWS * width).zip(answers) {
                    packed.margins(&head.base, rows, scores);
                }
            }
            Form::Plain(model) => {
                for (row, scores) in rows.chunks_exact(width).zip(scores.chunks_exact_mut(outputs)) {
                    reference::margin(model, row, scores);
                }
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Form::Bits(ranking, trees) => ranking.bytes() + trees.bytes(),
            Form::Packed(packed) => packed.bytes(),
            Form::Plain(model) => model.node_count() * size_of::<crate::tree::Node>(),
        }
    }
}

/// A model of small trees as bit vectors.
fn bits(model: &Model, machine: Machine) -> Option<(Ranking, Trees)> {
    let ranking = Ranking::new(model.head.library, [model], machine)?;
    let trees = Trees::new(model, &ranking)?;
    Some((ranking, trees))
}
