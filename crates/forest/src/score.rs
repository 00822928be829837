//! The plain scorer, which is the specification, and the fast forms, which say the same.

mod bits;
mod folds;
#[cfg(test)]
mod forms_tests;
mod leaves;
pub(crate) mod machine;
mod packed;
pub(crate) mod ranked;
pub(crate) mod ranking;
pub(crate) mod reference;
pub(crate) mod scores;

use self::leaves::Leaves;
use self::machine::Machine;
use self::packed::Packed;
use self::ranked::Ranked;
use self::ranking::{LANES_MAX, NO_RANKS, Ranking};
use self::scores::Scores;
use crate::Model;
use crate::model::Head;

/// A model in the form in which this machine scores it fastest.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// Small trees: a few rows by bit vectors, many folded.
    Ranked(Ranking, Ranked),
    /// Trees walked side by side, or many rows folded where there is room for it.
    Packed(Packed, Option<(Ranking, folds::Trees)>),
    /// What neither form has room for.
    Plain(Box<Model>),
}

/// The fewest rows that are folded, not asked one by one.
pub(crate) const MANY: usize = 12;

/// How many of the rows that are left are asked together.
pub(crate) fn together(row_count: usize) -> usize {
    row_count.min(if row_count < MANY { MANY - 1 } else { LANES_MAX })
}

impl Form {
    pub(crate) fn new(model: &Model) -> Form {
        Form::of_machine(model, Machine::detect())
    }

    fn of_machine(model: &Model, machine: Machine) -> Form {
        let ranking = Ranking::new(model.head.library, [model], machine);
        let placed = ranking.and_then(|ranking| ranking.places(model).map(|places| (ranking, places)));
        if machine.permutes_bytes()
            && let Some((ranking, places)) = &placed
            && let Some(ranked) = Ranked::new(model, places, machine)
        {
            return Form::Ranked(ranking.clone(), ranked);
        }
        let Some(packed) = Packed::new(model, machine) else {
            return Form::Plain(Box::new(model.clone()));
        };
        let many = placed.and_then(|(ranking, places)| {
            let trees = folds::Trees::new(model, &places, packed.leaves(), machine)?;
            Some((ranking, trees))
        });
        Form::Packed(packed, many)
    }

    /// Writes the raw scores of rows that lie one after another; widths were checked.
    pub(crate) fn margins(&self, head: &Head, rows: &[f64], mut scores: Scores<'_>) {
        scores.rows().for_each(|scores| scores.copy_from_slice(&head.base));
        let width = head.feature_names.len();
        let mut rows = rows;
        while !rows.is_empty() {
            let count = together(rows.len() / width);
            let (rows_now, rows_then) = rows.split_at(count * width);
            let (scores_now, scores_then) = scores.split_at(count);
            self.add(rows_now, width, scores_now);
            (rows, scores) = (rows_then, scores_then);
        }
    }

    /// Adds the leaves of as many rows as [`together`] says.
    fn add(&self, rows: &[f64], width: usize, mut scores: Scores<'_>) {
        let count = rows.len() / width;
        match self {
            Form::Ranked(ranking, trees) if count < MANY => {
                let mut ranks = [NO_RANKS; MANY];
                ranking.rank_rows(rows, width, &mut ranks[..count]);
                trees.add(&ranks[..count], scores);
            }
            Form::Ranked(ranking, trees) => fold(ranking, trees.many(), trees.leaves(), rows, width, scores),
            Form::Packed(packed, Some((ranking, trees))) if count >= MANY => {
                fold(ranking, trees, packed.leaves(), rows, width, scores);
            }
            Form::Packed(packed, _) => packed.add(rows, scores),
            Form::Plain(model) => {
                for (row, scores) in rows.chunks_exact(width).zip(scores.rows()) {
                    reference::margin(model, row, scores);
                }
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Form::Ranked(ranking, trees) => ranking.bytes() + trees.bytes(),
            Form::Packed(packed, many) => {
                packed.bytes() + many.as_ref().map_or(0, |(ranking, trees)| ranking.bytes() + trees.bytes())
            }
            Form::Plain(model) => model.node_count() * size_of::<crate::tree::Node>(),
        }
    }
}

/// Adds the leaves of up to [`LANES_MAX`] rows.
fn fold(
    ranking: &Ranking,
    trees: &folds::Trees,
    leaves: &Leaves,
    rows: &[f64],
    width: usize,
    scores: Scores<'_>,
) {
    match rows.len() / width {
        ..=16 => trees.add(&ranking.rank_columns::<16>(rows, width), leaves, scores),
        17..=32 => trees.add(&ranking.rank_columns::<32>(rows, width), leaves, scores),
        _ => trees.add(&ranking.rank_columns::<LANES_MAX>(rows, width), leaves, scores),
    }
}
