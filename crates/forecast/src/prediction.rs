//! The immutable answer with its provenance, and what then happened.

use std::sync::Arc;

use features::{Quality, RowHash};
use kline::{BarTime, Kline, Milliseconds, Symbol};
use serde::{Deserialize, Serialize};

use crate::{Answer, Band, BaselineName, BundleDigest, Task, bits};

/// Where a closed kline came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The exchange's websocket.
    Socket,
    /// The exchange's REST interface.
    Rest,
    /// An archive file or a folder of recorded klines.
    Archive,
    /// The project's own store.
    Store,
    /// A replay of recorded klines.
    Replay,
    /// Every trade of the bar, added up.
    Trades,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 6] =
        [Self::Socket, Self::Rest, Self::Archive, Self::Store, Self::Replay, Self::Trades];

    /// The name in answers, labels and the store, for example `socket`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Rest => "rest",
            Self::Archive => "archive",
            Self::Store => "store",
            Self::Replay => "replay",
            Self::Trades => "trades",
        }
    }
}

/// Everything that one bundle says about one symbol at one bar, and what it was made from. Keyed by
/// `(symbol, bar_time, bundle, revision)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The market.
    pub symbol: Symbol,
    /// The close time of the last closed kline that went in (of the forming one if provisional).
    pub bar_time: BarTime,
    /// The bundle that answered.
    pub bundle: BundleDigest,
    /// 1 for the first answer about a bar; more when a late or corrected kline changed it.
    pub revision: u32,
    /// Whether this is a nowcast from a kline that is still being traded.
    pub provisional: bool,
    /// The hash of the feature row.
    pub row_hash: RowHash,
    /// What the row lacked.
    pub quality: Quality,
    /// The close price of the bar, in quote units: what the returns start from.
    #[serde(with = "bits::scalar")]
    pub close: f64,
    /// Where the bar's kline came from.
    pub source: Source,
    /// How long after the bar's end the exchange sent that kline, in milliseconds; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_ms: Option<Milliseconds>,
    /// The answers, in the order of [`Task::ALL`]; only the tasks that the bundle has.
    pub tasks: Vec<TaskPrediction>,
    /// The feature row in catalogue order.
    #[serde(with = "bits::list")]
    pub row: Arc<[f64]>,
}

impl Prediction {
    /// The answer to one task, if the bundle has it.
    #[must_use]
    pub fn task(&self, task: Task) -> Option<&TaskPrediction> {
        self.tasks.iter().find(|answer| answer.task == task)
    }

    /// Whether two predictions say the same from the same: all but revision, source and lateness, to the last bit.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        self.symbol == other.symbol
            && self.bar_time == other.bar_time
            && self.bundle == other.bundle
            && self.provisional == other.provisional
            && self.row_hash == other.row_hash
            && self.quality == other.quality
            && self.close.to_bits() == other.close.to_bits()
            && bits::same(&self.row, &other.row)
            && self.tasks.len() == other.tasks.len()
            && self.tasks.iter().zip(&other.tasks).all(|(a, b)| a.same_bits(b))
    }
}

/// One task's answers: the members, the ensemble of them, and the baselines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskPrediction {
    /// The task.
    pub task: Task,
    /// LightGBM's answer, in the outcome's unit.
    pub lightgbm: Answer,
    /// XGBoost's answer, in the outcome's unit.
    pub xgboost: Answer,
    /// What is served and scored: the mean of the members, or a [`Stacking`](crate::Stacking) of them.
    pub ensemble: Answer,
    /// What each baseline says, in the order of [`BaselineName::ALL`].
    pub baselines: Vec<NamedAnswer>,
    /// The task's best baseline, by the bundle's manifest: what the live score compares with.
    pub compared_with: BaselineName,
    /// Where the outcome is expected, by level; empty for classes and for a bundle without bands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
    /// The root of the expected squared volatility, in the outcome's unit, which mostly lies above the ensemble's answer; only
    /// of the volatility, and of a bundle with a [`VarianceModel`](crate::VarianceModel).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_mean_square: Option<f64>,
}

impl TaskPrediction {
    /// One baseline's answer.
    #[must_use]
    pub fn baseline(&self, name: BaselineName) -> Option<&Answer> {
        self.baselines.iter().find(|named| named.name == name).map(|named| &named.answer)
    }

    /// Whether two answers hold the same bits.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        self.task == other.task
            && self.compared_with == other.compared_with
            && self.lightgbm.same_bits(&other.lightgbm)
            && self.xgboost.same_bits(&other.xgboost)
            && self.ensemble.same_bits(&other.ensemble)
            && self.baselines.len() == other.baselines.len()
            && self
                .baselines
                .iter()
                .zip(&other.baselines)
                .all(|(a, b)| a.name == b.name && a.answer.same_bits(&b.answer))
            && self.root_mean_square.map(f64::to_bits) == other.root_mean_square.map(f64::to_bits)
            && self.bands.len() == other.bands.len()
            && self.bands.iter().zip(&other.bands).all(|(a, b)| a.same_bits(b))
    }
}

/// A baseline's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedAnswer {
    /// Which baseline.
    pub name: BaselineName,
    /// Its answer, in the outcome's unit.
    pub answer: Answer,
}

/// What happened after a prediction, and what it cost. Keyed by `(symbol, bar_time, bundle, task, revision)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// The market.
    pub symbol: Symbol,
    /// The bar that the prediction was made at.
    pub bar_time: BarTime,
    /// The bundle that answered.
    pub bundle: BundleDigest,
    /// 1 for the first resolution; more when a late or corrected kline changed the outcome or the prediction.
    pub revision: u32,
    /// The revision of the prediction that is scored.
    pub prediction_revision: u32,
    /// The task.
    pub task: Task,
    /// What came true: the outcome's value, or the index of its class.
    #[serde(with = "bits::scalar")]
    pub outcome: f64,
    /// The ensemble's loss (squared error; of the log for volatility; log loss for classes).
    #[serde(with = "bits::scalar")]
    pub loss: f64,
    /// The task's best baseline, by the bundle's manifest.
    pub baseline: BaselineName,
    /// That baseline's loss.
    #[serde(with = "bits::scalar")]
    pub baseline_loss: f64,
}

/// What an earlier process has journalled, as far as a later one needs it.
#[derive(Debug, Clone, Default)]
pub struct Journalled {
    /// Predictions, in any order.
    pub predictions: Vec<Arc<Prediction>>,
    /// Resolutions of them, in any order.
    pub resolutions: Vec<Resolution>,
}

/// What the journal keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalRecord {
    /// A prediction, of the champion or of a challenger in shadow.
    Prediction(Arc<Prediction>),
    /// An outcome that was resolved.
    Resolution(Resolution),
}

/// A closed kline and where it came from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Received {
    /// The kline.
    pub kline: Kline,
    /// Its source.
    pub source: Source,
    /// How long after the bar's end the exchange sent it, in milliseconds, if that is known.
    pub late_ms: Option<Milliseconds>,
}
