//! What a model can answer.

use std::borrow::Cow;

use forecast::{Task, TaskKind};

use super::model::{InferModel, ServedModel};
use super::tensor::Datatype;

/// Who answers a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    Ensemble,
    LightGbm,
    XgBoost,
}

/// What an output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A member's number, or its probability of each class.
    Answer(Task, Member),
    /// The index of the ensemble's most probable class; -1 where it is missing.
    Class(Task),
    /// Its name; empty where it is missing.
    ClassName(Task),
    /// The close time of the bar that went in, in milliseconds.
    BarTime,
    /// How long ago that was by the exchange's clock, in milliseconds.
    Staleness,
    /// 1 for the first answer about the bar.
    Revision,
    /// The digest of the bundle that answered.
    Bundle,
}

/// One output of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) name: Cow<'static, str>,
    pub(super) content: Content,
}

impl Content {
    /// Whether only a request about symbols has it.
    pub(super) const fn is_of_symbols(self) -> bool {
        matches!(self, Self::BarTime | Self::Staleness | Self::Revision | Self::Bundle)
    }

    pub(super) const fn datatype(self) -> Datatype {
        match self {
            Self::Answer(..) => Datatype::Fp64,
            Self::Class(_) | Self::BarTime | Self::Staleness | Self::Revision => Datatype::Int64,
            Self::ClassName(_) | Self::Bundle => Datatype::Bytes,
        }
    }

    /// How many elements a row has; `None` if the tensor has one dimension only.
    pub(super) const fn width(self) -> Option<usize> {
        match self {
            Self::Answer(task, _) if task.class_count() > 0 => Some(task.class_count()),
            _ => None,
        }
    }

    /// The task whose ensemble is looked at.
    pub(super) const fn ensemble_of(self) -> Option<Task> {
        match self {
            Self::Answer(task, Member::Ensemble) | Self::Class(task) | Self::ClassName(task) => Some(task),
            _ => None,
        }
    }
}

/// Every output of a model, in the order of its answers. Those of `all` have the task's name and a dot before them.
pub(super) fn of(served: &ServedModel) -> Vec<Output> {
    let mut outputs = Vec::new();
    for task in served.tasks() {
        let mut add = |name: &'static str, content: Content| {
            let name = match served.model {
                InferModel::Task(_) => Cow::Borrowed(name),
                InferModel::All => Cow::Owned(format!("{}.{name}", task.name())),
            };
            outputs.push(Output { name, content });
        };
        add("ensemble", Content::Answer(task, Member::Ensemble));
        add("lightgbm", Content::Answer(task, Member::LightGbm));
        add("xgboost", Content::Answer(task, Member::XgBoost));
        if task.kind() != TaskKind::Regression {
            add("class", Content::Class(task));
            add("class_name", Content::ClassName(task));
        }
    }
    let about = [
        ("bar_time_ms", Content::BarTime),
        ("staleness_ms", Content::Staleness),
        ("revision", Content::Revision),
        ("bundle", Content::Bundle),
    ];
    outputs.extend(about.map(|(name, content)| Output { name: Cow::Borrowed(name), content }));
    outputs
}
