//! Tasks, outcomes, baselines, scoring rules, the bundle, and the Forecaster: a deterministic state machine that the
//! server, the trainer and the tests all drive. Pure: no I/O, no clock, no randomness but from a given seed.
//!
//! ```
//! use forecast::{Effect, Event, Forecaster, ForecasterSettings, Role, Source, Task, testkit};
//! use kline::{Interval, Kline, KlineFields, Symbol};
//!
//! let symbol: Symbol = "BTCUSDT".parse()?;
//! let interval = Interval::M15;
//! let mut forecaster =
//!     Forecaster::new(ForecasterSettings { symbols: vec![symbol], interval, max_lateness_ms: 30_000 });
//! let bundle = testkit::tiny_bundle(7, &[symbol], interval).build()?.into();
//! let mut effects = Vec::new();
//! forecaster.apply(Event::TakeUp { role: Role::Champion, bundle }, &mut effects);
//! let kline = Kline::new(interval, KlineFields::flat(1_700_000_100_000, 36_900.5))?;
//! forecaster.apply(Event::Kline { symbol, kline, closed: true, source: Source::Socket, heard: None }, &mut effects);
//! let prediction = forecaster.latest(symbol).ok_or("the only symbol has closed, so its bar is sealed")?;
//! assert_eq!(prediction.tasks.len(), Task::COUNT);
//! assert!(effects.iter().any(|effect| matches!(effect, Effect::Publish(_))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod band;
mod baseline;
mod bits;
mod bundle;
mod calibration;
mod cholesky;
mod confidence;
mod dataset;
mod ensemble;
mod event;
mod explain;
mod forecaster;
mod merge;
mod outcome;
mod panel;
mod prediction;
mod regime;
mod renewal;
mod share;
mod stacking;
mod task;
mod transform;
mod variance;

pub mod score;
#[cfg(feature = "test-support")]
pub mod testkit;

pub use answer::Answer;
pub use band::{BAND_LEVELS, Band, BandQuantiles, BandScores, Bands, SymbolBands, band_score, has_bands};
pub use baseline::{BaselineInputs, BaselineName, BaselineSample, Baselines, FitError};
pub use bundle::{
    BANDS_FILE, BASELINES_FILE, BoosterEntry, BoosterParity, Bundle, BundleBuilder, BundleDigest,
    BundleError, CALIBRATION_FILE, CAUSALITY_FILE, Canary, CausalityCertificate, Comparison, DigestError,
    FileEntry, GOLDEN_FILE, Golden, GoldenAnswers, GoldenLibrary, HexFloats, LEAKS_FILE, LeaksCertificate,
    MANIFEST_FILE, MODEL_CARD_FILE, Manifest, Metric, ModelMetrics, Offence, OffenceKind, PARITY_FILE,
    PARITY_SCHEMA_VERSION, ParityCertificate, ParityDifference, ParityMargins, ParityRow, ParityRowKind,
    ParitySample, SCHEMA_VERSION, STACKING_FILE, TaskEntry, TaskParts, TrainingWindow, VARIANCE_FILE,
    booster_file,
};
pub use calibration::{Calibration, CalibrationKind, CalibrationSample, Signals, TaskCalibration};
pub use confidence::{Belief, Confidence};
pub use dataset::{DatasetRow, for_each_row};
pub use ensemble::{MemberAnswers, member_answer};
pub use event::{Alarm, Change, Effect, Event, Role};
pub use explain::{BoosterExplanation, BundleExplainer};
pub use forecaster::{Forecaster, ForecasterSettings, ResumeError, SymbolReadiness, TaskSkill};
pub use outcome::{DIRECTION_CUTS, Outcome, OutcomeContext, OutcomeMachine};
pub use prediction::{
    JournalRecord, Journalled, NamedAnswer, Prediction, Received, Resolution, Source, TaskPrediction,
};
pub use regime::{REGIME_NEEDED_BARS, REGIME_WINDOW_BARS};
pub use renewal::{
    RENEWAL_BLOCK_BARS, RENEWAL_HISTORY_BARS, RENEWAL_LAG_BLOCKS, RENEWAL_WINDOW_BLOCKS, RenewalWindow,
    Renewed, SymbolRenewal, renew, renewal_block,
};
pub use share::{LightGbmShare, ShareError, combined, combined_number};
pub use stacking::{StackSample, Stacking};
pub use task::{Task, TaskKind, UnknownTask};
pub use transform::{TargetTransform, VOLATILITY_FLOOR, log_volatility};
pub use variance::{VarianceModel, VarianceSample};
