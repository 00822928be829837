//! The typed client of a klinecast server, behind the command `klinecast`.
//!
//! Every call has one deadline over all its attempts, tries again with jittered back-off where that is safe, and fails
//! with an error that says what to do. [`Watch`] follows predictions across broken connections without losing or
//! repeating one, [`History`] reads what was said before.
//!
//! ```
//! use klinecast::{Client, Settings};
//!
//! # async fn example() -> Result<(), klinecast::ClientError> {
//! let client = Client::new(Settings::at("http://127.0.0.1:50051"))?;
//! let prediction = client.predict("BTCUSDT", &[]).await?;
//! for task in &prediction.tasks {
//!     println!("{}: {:?}", task.task, task.ensemble);
//! }
//! # Ok(())
//! # }
//! ```

pub mod json;

mod backoff;
mod client;
mod credentials;
mod error;
mod history;
mod predict;
mod retry;
mod watch;

pub use backoff::Backoff;
pub use client::{Client, Settings};
pub use credentials::{Credentials, Secret};
pub use error::ClientError;
pub use history::{History, HistoryQuery};
pub use predict::{About, AsOfOptions, Freshness, PredictOptions};
/// The messages of the wire.
pub use proto::v1 as wire;
pub use watch::{Delivery, Update, Watch, WatchOptions};
