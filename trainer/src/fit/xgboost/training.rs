//! A training, round after round: gradients are ours, trees the library's.

use std::rc::Rc;

use super::data::{Part, XgBoostBins};
use super::grown::Grown;
use super::objective::Lessons;
use super::scores::Scores;
use super::{LIBRARY, TURNS, XgBoost, XgBoostModel, missing};
use crate::fit::{EarlyStop, Fit, FitError, Loss, Parameters, Schedule};

/// The rows of a part, and how far the model has come on them.
struct Running<'a> {
    part: &'a Part,
    lessons: Lessons<'a>,
    scores: Scores,
}

impl XgBoost {
    /// Trains on `train`; with `tune` follows the loss on it and stops early, without takes all rounds of the schedule. Keeps
    /// all rounds that were trained: [`XgBoost::first_rounds`] cuts them off. `progress` hears of each round: its number and
    /// its loss; it may not call a library. Rows in several parts are learned from by turns, a part a round. `threads` tells,
    /// before each round, how many it may take, which changes no bit of the model.
    ///
    /// It begins at the parameters' `base_score`; without one at 0.5, and at 0 of each of several classes.
    ///
    /// # Errors
    /// When `tune` is not binned like `train`, a label can't be learned, the library refuses the parameters, or not one round was better than none.
    pub fn train(
        &self,
        (train, tune): (&XgBoostBins, Option<&XgBoostBins>),
        names: &[&str],
        loss: Loss,
        parameters: &Parameters,
        (schedule, threads): (Schedule, &dyn Fn() -> usize),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit, FitError> {
        if let Some(tune) = tune.filter(|tune| tune.parts.len() > 1) {
            return Err(FitError::Shape { what: "what is followed", found: tune.parts.len(), expected: 1 });
        }
        // Trees are followed by the numbers of bins, which others' bins would give another meaning.
        if tune.is_some_and(|tune| !Rc::ptr_eq(&tune.edges, &train.edges)) {
            return Err(FitError::Unlike { library: LIBRARY });
        }
        if names.len() != train.columns {
            let (found, expected) = (names.len(), train.columns);
            return Err(FitError::Shape { what: "the list of names", found, expected });
        }
        let (parameters, base) = begun(loss, parameters)?;
        let start = |part| Running::new(part, loss, &base);
        let mut learned = train.parts.iter().map(start).collect::<Result<Vec<_>, _>>()?;
        let mut followed = tune.and_then(|tune| tune.parts.first()).map(start).transpose()?;

        let _turn = TURNS.take()?;
        let booster = self.booster(train, names, &parameters)?;
        let mut grown: Vec<Grown> = Vec::new();
        let mut pairs = Vec::new();
        let (mut taken, parts) = (None, learned.len());
        let mut stop = EarlyStop::new(schedule.patience.max(1));
        while stop.seen() < schedule.rounds_max {
            let (round, free) = (stop.seen(), threads().max(1));
            if taken.replace(free) != Some(free) {
                booster.set_parameter("nthread", &free.to_string())?;
            }
            let running = &mut learned[round % parts];
            running.gradients(loss, &grown, &mut pairs, free);
            booster.grow(round, running.part, &pairs, loss.outputs())?;
            let file = booster.rounds(round..round + 1)?.saved(c"{\"format\": \"json\"}")?;
            grown.extend(Grown::all(&file, &train.edges, train.columns, loss.outputs())?);
            let value = followed.as_mut().map_or(f64::NAN, |running| running.loss(loss, &grown, free));
            progress(round + 1, value);
            if stop.push(value) && followed.is_some() {
                break;
            }
        }
        // Saved as a slice is: it has no more of the training's settings than a slice has.
        let file = missing::sent_left(booster.rounds(0..stop.seen())?.save()?)?;
        stop.finish(LIBRARY, file, followed.is_some())
    }

    fn booster(
        &self,
        train: &XgBoostBins,
        names: &[&str],
        parameters: &Parameters,
    ) -> Result<XgBoostModel, FitError> {
        let data: Vec<_> = train.parts.iter().filter_map(|part| part.held.as_ref()).collect();
        let booster = XgBoostModel::new(&self.api, &data)?;
        for (name, value) in parameters.iter() {
            booster.set_parameter(name, value)?;
        }
        booster.set_names(names)?;
        Ok(booster)
    }
}

/// The parameters with what the loss asks for, and the raw scores at which it begins.
fn begun(loss: Loss, parameters: &Parameters) -> Result<(Parameters, Vec<f32>), FitError> {
    let (objective, metric) = loss.names();
    let mut parameters = parameters.clone().with("objective", objective).with("eval_metric", metric);
    if let Loss::ClassesLogLoss(classes) = loss {
        parameters = parameters.with("num_class", classes);
    }
    if parameters.get("base_score").is_none() {
        let none = serde_json::to_string(&vec![0.0; loss.outputs()]).unwrap_or_default();
        parameters = match loss {
            Loss::ClassesLogLoss(_) => parameters.with("base_score", none),
            Loss::SquaredError | Loss::BinaryLogLoss => parameters.with("base_score", 0.5),
        };
    }
    let told = parameters.get("base_score").unwrap_or_default();
    let one = || Some(vec![told.parse::<f32>().ok()?]);
    let base = one().or_else(|| serde_json::from_str::<Vec<f32>>(told).ok());
    let base = base.filter(|base| base.len() == loss.outputs()).ok_or_else(|| FitError::Answer {
        library: LIBRARY,
        answer: format!("base_score {told}"),
        expected: "a number an output",
    })?;
    Ok((parameters, base.into_iter().map(|base| loss.raw(base)).collect()))
}

impl<'a> Running<'a> {
    fn new(part: &'a Part, loss: Loss, base: &[f32]) -> Result<Self, FitError> {
        let lessons = part.lessons()?;
        let wrong = lessons.labels.iter().find(|label| !loss.knows(**label));
        if let Some(label) = wrong {
            return Err(FitError::Label { library: LIBRARY, label: *label, objective: loss.names().0 });
        }
        Ok(Self { part, lessons, scores: Scores::new(part.cells.rows(), base) })
    }

    fn gradients(&mut self, loss: Loss, grown: &[Grown], pairs: &mut Vec<[f32; 2]>, threads: usize) {
        pairs.resize(self.lessons.labels.len() * loss.outputs(), [0.0; 2]);
        let scores = self.scores.up_to(grown, &self.part.cells, threads);
        loss.gradients(scores, self.lessons, pairs, threads);
    }

    fn loss(&mut self, loss: Loss, grown: &[Grown], threads: usize) -> f64 {
        loss.mean(self.scores.up_to(grown, &self.part.cells, threads), self.lessons, threads)
    }
}
