//! The server: follows an exchange, drives the Forecaster, and answers over gRPC and HTTP.
//!
//! ```
//! use klinecast_server::settings::{Settings, Sources, resolve};
//!
//! let mut sources = Sources::default();
//! sources.flags.insert("exchange.symbols".to_owned(), "BTCUSDT,ETHUSDT".to_owned());
//! let resolved = resolve(&sources)?;
//! let settings = Settings::from_resolved(&resolved)?;
//! assert_eq!(settings.symbols.len(), 2);
//! assert!(resolved.to_string().contains("flag --symbols"));
//! # Ok::<(), klinecast_server::settings::SettingsError>(())
//! ```
//!
//! One thread owns the Forecaster ([`engine_thread`]); every answer is read from immutable snapshots
//! ([`state`], [`latest`]) and never waits for a lock, a disk or a model.

pub mod access;
pub mod app;
mod breaker;
pub mod champion;
mod clock;
pub mod convert;
pub mod dropped;
pub mod encoded;
pub mod engine_thread;
pub mod follow;
pub mod followed;
pub mod gaps;
mod gauges;
pub mod grpc;
pub mod guards;
mod headers;
pub mod journaling;
pub mod latest;
pub mod listen;
pub mod listings;
pub mod model_info;
pub mod overload;
pub mod parity;
pub mod prediction_id;
pub mod reason;
mod redis_line;
mod remembered;
pub mod renewal;
pub mod replay;
pub mod rest;
pub mod resume;
pub mod retention;
pub mod score_view;
pub mod scores;
pub mod selection;
pub mod service;
pub mod settings;
pub mod state;
pub mod stores;
pub mod subscribers;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod unhurried;
pub mod web;
