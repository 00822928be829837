//! What a feature declares against what was seen to move it.

use features::{FeatureDefinition, Input};
use forecast::OffenceKind;

use super::effects::{Cause, Effects};
use super::findings::Findings;
use super::lever::Lever;
use crate::time::readable;

/// How many features and inputs hold.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Verdict {
    pub(super) alive: u64,
    pub(super) declared: u64,
    pub(super) proven: u64,
}

/// Compares every declaration with what was seen.
pub(super) fn judge(
    definitions: &[FeatureDefinition],
    effects: &Effects,
    findings: &mut Findings,
) -> Verdict {
    let mut verdict = Verdict::default();
    for (feature, definition) in definitions.iter().enumerate() {
        let silent: Vec<Input> = definition
            .inputs
            .iter()
            .copied()
            .filter(|input| !is_proven(effects, feature, definition, *input))
            .collect();
        let proven = definition.inputs.len() - silent.len();
        verdict.declared += definition.inputs.len() as u64;
        verdict.proven += proven as u64;
        verdict.alive += u64::from(proven > 0);
        // Recursions begin at fixed bars, so a shift by part of a block is no proof of reading the time.
        let mut causes = effects.causes(feature).filter(|(cause, _)| *cause != Cause::Time).peekable();
        if causes.peek().is_none() && proven == 0 {
            let inputs = list(definition.inputs.iter().map(|input| input.as_str()));
            findings.note(OffenceKind::Dead, definition.name.to_owned(), || format!("not moved by {inputs}"));
            continue;
        }
        if !silent.is_empty() {
            let inputs = list(silent.iter().map(|input| input.as_str()));
            findings.note(OffenceKind::SilentInput, definition.name.to_owned(), || {
                format!("not moved by {inputs}")
            });
        }
        let undeclared: Vec<_> = causes.filter(|(cause, _)| !allows(definition, *cause)).collect();
        if let Some((_, first)) = undeclared.first() {
            let inputs = list(undeclared.iter().map(|(cause, _)| describe(*cause)));
            findings.note(OffenceKind::UndeclaredInput, definition.name.to_owned(), || {
                format!("moved by {inputs}, first {} at {}", first.symbol, readable(first.bar.milliseconds()))
            });
        }
    }
    verdict
}

fn is_proven(effects: &Effects, feature: usize, definition: &FeatureDefinition, input: Input) -> bool {
    let moved = |cause: Cause| effects.sighting(feature, cause).is_some();
    let any = |cause: fn(Lever) -> Cause| Lever::ALL.into_iter().any(|lever| moved(cause(lever)));
    match input {
        Input::Time => moved(Cause::Time) || moved(Cause::TimeByBlocks),
        Input::Market => any(Cause::Other),
        Input::Bitcoin => any(Cause::Bitcoin),
        // Bitcoin's own row may be moved through the declared Bitcoin.
        column => Lever::ALL.into_iter().filter(|lever| lever.input() == Some(column)).any(|lever| {
            let as_bitcoin =
                !definition.inputs.contains(&Input::Bitcoin) && moved(Cause::OwnAsBitcoin(lever));
            moved(Cause::Own(lever)) || as_bitcoin
        }),
    }
}

/// Whether the declared inputs allow a cause to move the feature. `Market` and `Bitcoin` stand for the columns that are
/// declared beside them, and for any where none is.
fn allows(definition: &FeatureDefinition, cause: Cause) -> bool {
    let has = |input: Input| definition.inputs.contains(&input);
    let names_columns = Lever::ALL.into_iter().filter_map(Lever::input).any(has);
    let column = |lever: Lever| lever.input().is_some_and(has);
    match cause {
        Cause::Own(lever) => column(lever) || (has(Input::Market) && !names_columns),
        Cause::OwnAsBitcoin(lever) => {
            column(lever) || ((has(Input::Market) || has(Input::Bitcoin)) && !names_columns)
        }
        Cause::Bitcoin(lever) => {
            (has(Input::Market) || has(Input::Bitcoin)) && (column(lever) || !names_columns)
        }
        Cause::Other(lever) => has(Input::Market) && (column(lever) || !names_columns),
        Cause::TimeByBlocks => has(Input::Time),
        Cause::Time => true,
    }
}

fn describe(cause: Cause) -> String {
    match cause {
        Cause::Own(lever) | Cause::OwnAsBitcoin(lever) => lever.name().to_owned(),
        Cause::Bitcoin(lever) => format!("{} of bitcoin", lever.name()),
        Cause::Other(lever) => format!("{} of other symbols", lever.name()),
        Cause::TimeByBlocks | Cause::Time => "time".to_owned(),
    }
}

fn list<Name: Into<String>>(names: impl Iterator<Item = Name>) -> String {
    let mut names: Vec<String> = names.map(Into::into).collect();
    names.dedup();
    if names.is_empty() { "anything".to_owned() } else { names.join(", ") }
}
