//! From klines to a published bundle: ingest, quality, features, validate, version, audit causality, train,
//! evaluate, audit parity, publish, promote. The original LightGBM and XGBoost do the training; our own scorer,
//! which will serve, does the evaluation; the same data and seed give the same bundle.
//!
//! ```
//! use klinecast_trainer::split::{EMBARGO_BARS, Split, SplitRequest};
//! use kline::{BarTime, Interval};
//!
//! let bar = |index: i64| BarTime::last_closed((index + 1) * 900_000, Interval::M15);
//! let request = SplitRequest { train_until: Some("1970-02-01".parse()?), ..SplitRequest::default() };
//! let split = Split::new(&request, bar(0), bar(10_000), Interval::M15)?;
//! let distance = split.tune.from.steps_since(split.train.until, Interval::M15);
//! assert!(distance > i64::from(EMBARGO_BARS));
//! # Ok::<(), klinecast_trainer::TrainerError>(())
//! ```

pub mod answers;
pub mod args;
mod artefact;
pub mod audit;
pub mod catalogue;
pub mod certificates;
pub mod checkpoints;
mod clock;
pub mod console;
pub mod dataset;
pub mod datasets;
mod distribution;
pub mod drift;
pub mod dvc;
mod error;
pub mod evaluate;
pub mod evidence;
pub mod expectation;
pub mod export;
mod feast;
pub mod fit;
pub mod gates;
pub mod half_life;
pub mod ingest;
pub mod json_lines;
mod kline_parquet;
pub mod left_out;
pub mod lineage;
pub mod lock;
pub mod looks;
pub mod machine;
pub mod metrics_file;
pub mod models;
mod parquet;
pub mod pipeline;
pub mod profile;
pub mod promote;
pub mod prune;
pub mod publish;
pub mod quality;
mod random;
mod report;
pub mod runs;
pub mod schedule;
mod served;
pub mod slice;
pub mod split;
pub mod time;
pub mod tracking;
pub mod train;
pub mod trained;
pub mod validate;
pub mod version;
pub mod walk_report;

pub use error::{Result, TrainerError};
