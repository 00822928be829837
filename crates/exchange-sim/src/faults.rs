//! How the exchange misbehaves: which faults there are, when they happen and what they do to each final, frame,
//! connection and request. Pure and seeded: the same plan and the same inputs give the same bytes.

mod active;
mod answers;
mod departures;
mod draw;
mod episode;
mod finals;
mod kind;
mod klines_silent;
mod log;
mod plan;
mod state;
mod torn;
mod untrue;

pub(crate) use answers::Blocked;
pub(crate) use departures::{Fate, Letter, Tear};
pub(crate) use draw::Draw;
pub(crate) use episode::{Episode, Halt, halts_of_day};
pub use kind::FaultKind;
pub(crate) use klines_silent::Silent;
pub use log::FaultEntry;
pub use plan::FaultPlan;
pub(crate) use state::{Begun, Faults, Partial};
pub(crate) use untrue::Untruth;
