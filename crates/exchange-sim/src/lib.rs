//! A Binance-compatible exchange on loopback: it replays recorded klines, or a seeded synthetic market, at any
//! speed. It imports only `kline` and encodes its frames itself, so that a codec's mistake cannot cancel out.
//!
//! ```
//! use exchange_sim::{Exchange, ExchangeConfig};
//!
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # runtime.block_on(async {
//! let exchange = Exchange::start(ExchangeConfig::synthetic(7)).await?;
//! assert!(exchange.rest_url().starts_with("http://127.0.0.1:"));
//! assert!(exchange.websocket_url().starts_with("ws://127.0.0.1:"));
//! exchange.shutdown().await;
//! # Ok::<(), exchange_sim::ExchangeError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod answer;
mod archive;
mod clock;
mod config;
mod decimals;
mod doors;
mod error;
mod exchange;
mod faults;
mod frame;
mod hub;
mod line;
mod listing;
mod manners;
mod pace;
mod path;
pub mod recorded;
mod rest;
mod shared;
mod socket;
mod stamps;
mod stream;
pub mod synthetic;
mod tape;
mod trades;
mod venue;
mod view;
mod virtual_exchange;
mod weights;

pub use answer::Answer;
pub use config::{ExchangeConfig, MarketSource};
pub use error::{ExchangeError, KlineFileError};
pub use exchange::Exchange;
pub use faults::{FaultEntry, FaultKind, FaultPlan};
pub use line::LineId;
pub use listing::Listing;
pub use virtual_exchange::{Delivered, Delivery, VirtualExchange};
