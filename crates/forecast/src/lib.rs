//! Tasks, outcomes, baselines, scoring rules, the bundle, and the Forecaster: a deterministic state machine that the
//! server, the trainer and the tests all drive. Pure: no I/O, no clock, no randomness but from a given seed.

mod answer;
mod baseline;
mod bits;
mod bundle;
mod dataset;
mod ensemble;
mod event;
mod forecaster;
mod merge;
mod outcome;
mod panel;
mod prediction;
mod regime;
mod task;
mod transform;

pub mod score;
#[cfg(feature = "test-support")]
pub mod testkit;

pub use answer::Answer;
pub use baseline::{BaselineInputs, BaselineName, BaselineSample, Baselines, FitError};
pub use bundle::{
    BASELINES_FILE, BoosterEntry, Bundle, BundleBuilder, BundleDigest, BundleError, DigestError, FileEntry,
    GOLDEN_FILE, Golden, GoldenAnswers, GoldenLibrary, HexFloats, MANIFEST_FILE, MODEL_CARD_FILE, Manifest,
    Metric, ModelMetrics, SCHEMA_VERSION, TaskEntry, TaskParts, TrainingWindow,
};
pub use dataset::{DatasetRow, for_each_row};
pub use ensemble::{mean, member_answer};
pub use event::{Alarm, Change, Effect, Event, Role};
pub use forecaster::{Forecaster, ForecasterSettings, SymbolReadiness, TaskSkill};
pub use outcome::{DIRECTION_CUTS, Outcome, OutcomeContext, OutcomeMachine};
pub use prediction::{JournalRecord, NamedAnswer, Prediction, Received, Resolution, Source, TaskPrediction};
pub use regime::{REGIME_NEEDED_BARS, REGIME_WINDOW_BARS};
pub use task::{Task, TaskKind, UnknownTask};
pub use transform::{TargetTransform, VOLATILITY_FLOOR, log_volatility};
