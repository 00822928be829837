//! From rows to the outputs that a request wants.

use std::borrow::Cow;

use forecast::{Answer, BundleDigest, Task};

use super::super::Service;
use super::inputs::Inputs;
use super::malformed;
use super::model::{InferModel, ServedModel};
use super::outputs::{self, Content, Member, Output};
use super::rows::Rows;
use super::tensor::{Elements, Tensor};
use crate::reason::{Reason, Refusal, shorten};

/// An output that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// So many of the most probable classes as texts, in place of all probabilities.
    pub classification: Option<u64>,
}

/// An answered request.
#[derive(Debug, Clone, PartialEq)]
pub struct InferAnswer {
    /// The model.
    pub model: InferModel,
    /// The version that answered; empty if the rows are not all of the champion.
    pub version: String,
    /// The digest of the bundle that answered; empty if there were several.
    pub bundle: String,
    /// The outputs, in the order wanted.
    pub outputs: Vec<Tensor>,
}

impl Service {
    /// Answers a request. Rows of symbols wait for nothing.
    ///
    /// # Errors
    /// An output that is not the model's or not of these inputs, anything that a symbol is refused for, no bundle.
    pub async fn infer(
        &self,
        served: &ServedModel,
        inputs: Inputs,
        wanted: &[Wanted],
    ) -> Result<InferAnswer, Refusal> {
        // Looked at first: what is refused anyway is not scored.
        let is_of_symbols = matches!(inputs, Inputs::Symbols(_));
        let wanted = select(served, wanted, is_of_symbols)?;
        let rows = self.infer_rows(served, inputs).await?;
        self.infer_answer(served, &rows, &wanted)
    }

    /// The answer that rows make.
    pub(super) fn infer_answer(
        &self,
        served: &ServedModel,
        rows: &Rows,
        wanted: &[Selected],
    ) -> Result<InferAnswer, Refusal> {
        check_cuts(rows, wanted)?;
        let outputs = wanted.iter().map(|selected| tensor(selected, rows)).collect::<Result<_, _>>()?;
        let digest = rows.digest();
        let version = self.version_of(served, digest)?;
        let bundle = digest.map(String::from).unwrap_or_default();
        Ok(InferAnswer { model: served.model, version, bundle, outputs })
    }

    /// The version whose bundle answered; empty if that is neither the request's nor the present champion's. A swap may happen
    /// between looking a model up and looking predictions up.
    fn version_of(&self, served: &ServedModel, digest: Option<BundleDigest>) -> Result<String, Refusal> {
        let is = |other: Option<BundleDigest>| digest.is_some() && digest == other;
        if is(served.digest()) {
            return Ok(served.version().unwrap_or_default());
        }
        if served.is_pinned {
            let version = served.version().unwrap_or_default();
            let message = format!("version {version} did not answer every row, another bundle was taken up");
            return Err(Refusal::new(Reason::UnknownModel, message).with("version", version));
        }
        let champion = self.shared().champion.load();
        let version = champion.version.filter(|_| is(champion.bundle.as_ref().map(|bundle| bundle.digest())));
        Ok(version.map(|version| version.to_string()).unwrap_or_default())
    }
}

/// An output that is to be answered.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    output: Output,
    classification: Option<usize>,
}

/// The outputs that are wanted; none named means all that such inputs have.
pub(super) fn select(
    served: &ServedModel,
    wanted: &[Wanted],
    is_of_symbols: bool,
) -> Result<Vec<Selected>, Refusal> {
    let mut known = outputs::of(served);
    if wanted.is_empty() {
        known.retain(|output| is_of_symbols || !output.content.is_of_symbols());
        return Ok(known.into_iter().map(|output| Selected { output, classification: None }).collect());
    }
    let mut selected = Vec::new();
    for Wanted { name, classification } in wanted {
        let Some(place) = known.iter().position(|output| output.name == name.as_str()) else {
            let (name, model) = (shorten(name), served.model.name());
            let names = outputs::of(served).into_iter().map(|output| output.name).collect::<Vec<_>>();
            let known = names.join(", ");
            let message = if names.iter().any(|known| *known == name) {
                format!("output {name:?} is named twice")
            } else {
                format!("output {name:?} is not of model {model}, known are {known}")
            };
            return Err(malformed(&name, message));
        };
        let output = known.remove(place);
        if output.content.is_of_symbols() && !is_of_symbols {
            let message = format!("output {name} is about a bar: ask with input symbol");
            return Err(malformed(name, message));
        }
        let classification = classification.map(|count| top(&output, count)).transpose()?;
        selected.push(Selected { output, classification });
    }
    Ok(selected)
}

/// How many classes are to be told.
fn top(output: &Output, count: u64) -> Result<usize, Refusal> {
    match (output.content.width(), usize::try_from(count)) {
        (Some(classes), Ok(count)) if count > 0 => Ok(count.min(classes)),
        (Some(_), _) => {
            let message = format!("output {} asks for {count} classes, 1 is the least", output.name);
            Err(malformed(&output.name, message))
        }
        (None, _) => Err(malformed(&output.name, format!("output {} has no classes", output.name))),
    }
}

/// A stack that reads the regime's cuts is not answered without them: the mean of the members would be another number.
fn check_cuts(rows: &Rows, wanted: &[Selected]) -> Result<(), Refusal> {
    let Rows::Scored { bundle, has_cuts: false, .. } = rows else { return Ok(()) };
    let is_stacked = bundle.stacking().tasks().any(|task| task == Task::VolRegime4Step);
    let asks = |selected: &&Selected| selected.output.content.ensemble_of() == Some(Task::VolRegime4Step);
    match wanted.iter().find(asks).filter(|_| is_stacked) {
        None => Ok(()),
        Some(Selected { output, .. }) => {
            let message = format!(
                "output {} is a stack that reads where the regimes are cut, which no feature says: give input regime_cuts \
                 (as the features of a symbol are answered with it), or ask for the members only",
                output.name
            );
            Err(malformed("regime_cuts", message))
        }
    }
}

/// One output of all rows.
fn tensor(selected: &Selected, rows: &Rows) -> Result<Tensor, Refusal> {
    let Selected { output: Output { name, content }, classification } = selected;
    let count = rows.count();
    let mut shape = vec![count];
    let elements = match *content {
        Content::Answer(task, member) => {
            let mut numbers = Vec::with_capacity(count * content.width().unwrap_or(1));
            for row in 0..count {
                numbers.extend_from_slice(answer(rows, row, task, member)?.as_slice());
            }
            match classification {
                None => {
                    shape.extend(content.width());
                    Elements::Numbers(numbers)
                }
                Some(top) => {
                    shape.push(*top);
                    Elements::Texts(classes(task, &numbers, *top))
                }
            }
        }
        Content::Class(task) => {
            let class =
                |row| Ok(class(rows, row, task)?.and_then(|class| i64::try_from(class).ok()).unwrap_or(-1));
            Elements::Integers((0..count).map(class).collect::<Result<_, Refusal>>()?)
        }
        Content::ClassName(task) => {
            let name = |row| {
                let class = class(rows, row, task)?;
                let name = class.and_then(|class| task.class_names().get(class)).copied();
                Ok(name.unwrap_or_default().to_owned())
            };
            Elements::Texts((0..count).map(name).collect::<Result<_, Refusal>>()?)
        }
        Content::BarTime | Content::Staleness | Content::Revision | Content::Bundle => about(*content, rows),
    };
    Ok(Tensor { name: Cow::clone(name), shape, elements })
}

fn answer(rows: &Rows, row: usize, task: Task, member: Member) -> Result<&Answer, Refusal> {
    rows.answer(row, task, member).ok_or_else(|| {
        let message = format!("task {task} is not answered by the bundle of row {row}");
        Refusal::new(Reason::TaskNotInBundle, message).with("task", task).with("row", row)
    })
}

fn class(rows: &Rows, row: usize, task: Task) -> Result<Option<usize>, Refusal> {
    answer(rows, row, task, Member::Ensemble).map(Answer::class)
}

/// Where served rows come from.
fn about(content: Content, rows: &Rows) -> Elements {
    let Rows::Served(rows) = rows else { return Elements::Integers(Vec::new()) };
    let integers = |of: fn(&super::super::Answered) -> i64| Elements::Integers(rows.iter().map(of).collect());
    match content {
        Content::BarTime => integers(|row| row.prediction().bar_time.milliseconds()),
        Content::Staleness => integers(|row| row.staleness_ms),
        Content::Revision => integers(|row| row.prediction().revision.into()),
        _ => Elements::Texts(rows.iter().map(|row| row.prediction().bundle.to_string()).collect()),
    }
}

/// The most probable classes of each row as `probability:index:name`; of equals the first stands first, and a missing answer
/// stands in the order of the classes.
fn classes(task: Task, numbers: &[f64], top: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for row in numbers.chunks_exact(task.class_count().max(1)) {
        let mut places: Vec<usize> = (0..row.len()).collect();
        places.sort_by(|&a, &b| row[b].partial_cmp(&row[a]).unwrap_or(std::cmp::Ordering::Equal));
        let text = |&place: &usize| {
            let name = task.class_names().get(place).copied().unwrap_or_default();
            format!("{}:{place}:{name}", row[place])
        };
        texts.extend(places.iter().take(top).map(text));
    }
    texts
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
