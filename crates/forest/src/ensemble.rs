use std::ops::Range;

use crate::error::{RowError, check_batch, check_room};
use crate::model::Head;
use crate::score::Form;
use crate::score::bits::{self, Ranking, Trees};
use crate::score::machine::Machine;
use crate::{Library, Model};

/// Several models that read the same rows and are asked together: a row is translated once for all models of one
/// library, not once for each. The answers are the bits of each [`Booster`](crate::Booster) by itself.
#[derive(Debug, Clone)]
pub struct Ensemble {
    /// One at most for each library.
    rankings: Vec<Ranking>,
    members: Vec<Member>,
    feature_count: usize,
    output_count: usize,
}

/// The ranks of a few rows by one ranking.
type Ranked = [bits::Ranks; bits::ROWS];

/// Outputs of a member that several rows are scored together for.
const OUTPUTS_TOGETHER: usize = 16;

#[derive(Debug, Clone)]
struct Member {
    head: Head,
    form: Shape,
    /// Where its outputs stand in an answer.
    outputs: Range<usize>,
}

#[derive(Debug, Clone)]
enum Shape {
    /// Reads the ranks of a shared ranking.
    Shared(usize, Trees),
    Alone(Form),
}

impl Ensemble {
    /// Puts models together that read rows of one width; their outputs stand one after another in an answer.
    ///
    /// # Errors
    /// [`RowError::RowWidth`] if a model reads rows of another width than the first one.
    pub fn new(models: &[Model]) -> Result<Ensemble, RowError> {
        let expected = models.first().map_or(0, Model::feature_count);
        if let Some(other) = models.iter().find(|model| model.feature_count() != expected) {
            return Err(RowError::RowWidth { expected, found: other.feature_count() });
        }
        let mut ensemble =
            Ensemble { rankings: Vec::new(), members: Vec::new(), feature_count: expected, output_count: 0 };
        let machine = Machine::detect();
        let places = [Library::LightGbm, Library::XgBoost].map(|library| {
            let of_library = models.iter().filter(|model| model.library() == library);
            if !machine.permutes_bytes() {
                return None;
            }
            let ranking = Ranking::new(library, of_library, machine)?;
            ensemble.rankings.push(ranking);
            Some(ensemble.rankings.len() - 1)
        });
        for model in models {
            let place = places[usize::from(model.library() == Library::XgBoost)];
            let shared = place
                .and_then(|place| Some(Shape::Shared(place, Trees::new(model, &ensemble.rankings[place])?)));
            let outputs = ensemble.output_count..ensemble.output_count + model.output_count();
            ensemble.output_count = outputs.end;
            let form = shared.unwrap_or_else(|| Shape::Alone(Form::new(model)));
            ensemble.members.push(Member { head: model.head.clone(), form, outputs });
        }
        Ok(ensemble)
    }

    /// How many values a row has.
    pub fn feature_count(&self) -> usize {
        self.feature_count
    }

    /// How many values an answer has, over all models.
    pub fn output_count(&self) -> usize {
        self.output_count
    }

    /// How many models there are.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// Where a model's outputs stand in an answer; empty if there is no such model.
    pub fn outputs(&self, member: usize) -> Range<usize> {
        self.members.get(member).map_or(0..0, |member| member.outputs.clone())
    }

    /// How many bytes the nodes, leaf values and thresholds take.
    pub fn bytes(&self) -> usize {
        let rankings: usize = self.rankings.iter().map(Ranking::bytes).sum();
        let members = self.members.iter().map(|member| match &member.form {
            Shape::Shared(_, trees) => trees.bytes(),
            Shape::Alone(form) => form.bytes(),
        });
        rankings + members.sum::<usize>()
    }

    /// Writes every model's prediction of one row, after its link function.
    ///
    /// # Errors
    /// A [`RowError`] if `row` hasn't [`Ensemble::feature_count`] or `out` not [`Ensemble::output_count`] values.
    pub fn predict(&self, row: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        crate::error::check_width(row.len(), self.feature_count)?;
        check_room(out.len(), self.output_count)?;
        self.answer(row, out);
        Ok(())
    }

    /// Writes the predictions of rows that lie one after another, row by row.
    ///
    /// # Errors
    /// A [`RowError`] if `rows` is no whole number of rows or `out` hasn't room for exactly their answers.
    pub fn predict_batch(&self, rows: &[f64], out: &mut [f64]) -> Result<(), RowError> {
        let count = check_batch(rows.len(), self.feature_count)?;
        check_room(out.len(), count * self.output_count)?;
        self.answer(rows, out);
        Ok(())
    }

    fn answer(&self, rows: &[f64], out: &mut [f64]) {
        let (width, outputs) = (self.feature_count.max(1), self.output_count.max(1));
        let answers = out.chunks_mut(bits::ROWS * outputs);
        for (rows, answers) in rows.chunks(bits::ROWS * width).zip(answers) {
            self.answer_few(rows, answers);
        }
    }

    /// Answers up to [`bits::ROWS`] rows.
    fn answer_few(&self, rows: &[f64], out: &mut [f64]) {
        let mut ranked = [[bits::NO_RANKS; bits::ROWS]; 2];
        let count = rows.len() / self.feature_count;
        for (ranking, ranks) in self.rankings.iter().zip(&mut ranked) {
            ranking.rank_rows(rows, self.feature_count, &mut ranks[..count]);
        }
        for member in &self.members {
            let (width, outputs) = (self.feature_count, member.outputs.len());
            if outputs > OUTPUTS_TOGETHER {
                let rows = rows.chunks_exact(width).zip(out.chunks_exact_mut(self.output_count));
                for (at, (row, out)) in rows.enumerate() {
                    member.predict(&ranked, at..at + 1, row, &mut out[member.outputs.clone()]);
                }
                continue;
            }
            // All rows pass a member's trees together.
            let mut scores = [0.0; bits::ROWS * OUTPUTS_TOGETHER];
            let scores = &mut scores[..count * outputs];
            member.predict(&ranked, 0..count, rows, scores);
            for (out, scores) in out.chunks_exact_mut(self.output_count).zip(scores.chunks_exact(outputs)) {
                out[member.outputs.clone()].copy_from_slice(scores);
            }
        }
    }
}

impl Member {
    /// Writes the predictions of rows, whose ranks stand at `places`.
    fn predict(&self, ranked: &[Ranked; 2], places: Range<usize>, rows: &[f64], scores: &mut [f64]) {
        match &self.form {
            Shape::Shared(place, trees) => {
                trees.margins(&ranked[*place][places], &self.head.base, scores);
            }
            Shape::Alone(form) => form.margins(&self.head, rows, scores),
        }
        scores.chunks_exact_mut(self.outputs.len()).for_each(|scores| self.head.transform(scores));
    }
}
