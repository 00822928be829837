use std::ops::Range;

use crate::error::{RowError, check_batch, check_room};
use crate::model::Head;
use crate::score::machine::Machine;
use crate::score::ranked::Ranked;
use crate::score::ranking::{Columns, LANES_MAX, NO_RANKS, Ranking};
use crate::score::scores::Scores;
use crate::score::{Form, MANY, together};
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
    Shared(usize, Box<Ranked>),
    Alone(Box<Form>),
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
            let shared = place.and_then(|place| {
                let places = ensemble.rankings[place].places(model)?;
                Some(Shape::Shared(place, Box::new(Ranked::new(model, &places, machine)?)))
            });
            let outputs = ensemble.output_count..ensemble.output_count + model.output_count();
            ensemble.output_count = outputs.end;
            let form = shared.unwrap_or_else(|| Shape::Alone(Box::new(Form::new(model))));
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
        let (mut rows, mut out) = (rows, out);
        while !rows.is_empty() {
            let count = together(rows.len() / self.feature_count);
            let (rows_now, rows_then) = rows.split_at(count * self.feature_count);
            let (out_now, out_then) = out.split_at_mut(count * self.output_count);
            match count {
                0..MANY => self.answer_few(rows_now, out_now),
                MANY..=16 => self.answer_many::<16>(rows_now, out_now),
                17..=32 => self.answer_many::<32>(rows_now, out_now),
                _ => self.answer_many::<LANES_MAX>(rows_now, out_now),
            }
            (rows, out) = (rows_then, out_then);
        }
    }

    /// Answers fewer than [`MANY`] rows.
    fn answer_few(&self, rows: &[f64], out: &mut [f64]) {
        let mut ranked = [[NO_RANKS; MANY]; 2];
        let count = rows.len() / self.feature_count;
        for (ranking, ranks) in self.rankings.iter().zip(&mut ranked) {
            ranking.rank_rows(rows, self.feature_count, &mut ranks[..count]);
        }
        self.answer_members(rows, out, |place, trees, scores| trees.add(&ranked[place][..count], scores));
    }

    /// Answers up to `LANES` rows.
    fn answer_many<const LANES: usize>(&self, rows: &[f64], out: &mut [f64]) {
        let columns =
            self.rankings.iter().map(|ranking| ranking.rank_columns::<LANES>(rows, self.feature_count));
        let mut ranked: [Option<Columns<LANES>>; 2] = [None, None];
        for (columns, place) in columns.zip(&mut ranked) {
            *place = Some(columns);
        }
        self.answer_members(rows, out, |place, trees, scores| {
            if let Some(columns) = &ranked[place] {
                trees.fold(columns, scores);
            }
        });
    }

    /// Answers rows, of which `add` adds the leaves of a member by the ranks of one of the rankings.
    fn answer_members(&self, rows: &[f64], out: &mut [f64], add: impl Fn(usize, &Ranked, Scores<'_>)) {
        for member in &self.members {
            let out = &mut out[member.outputs.start..];
            let mut scores = Scores::among(out, member.outputs.len(), self.output_count);
            match &member.form {
                Shape::Shared(place, trees) => {
                    scores.rows().for_each(|scores| scores.copy_from_slice(&member.head.base));
                    add(*place, trees, scores.by_ref());
                }
                Shape::Alone(form) => form.margins(&member.head, rows, scores.by_ref()),
            }
            scores.rows().for_each(|scores| member.head.transform(scores));
        }
    }
}
