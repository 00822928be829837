//! Who may do what, and how much of it: one decision for both faces.
//!
//! A caller is known by an API key, a signed token or a client certificate ([`people`], [`tokens`]); each method and route asks
//! for a role ([`table`]); each client has its limits ([`bucket`]), counted here or over Redis; what operators and admins do is
//! written down ([`audit`]). [`layer`] asks for the decision before a request reaches a face; a stream
//! asks again while it lasts ([`lease`]).

pub mod audit;
mod bucket;
mod claims;
pub mod command;
mod credentials;
mod decision;
mod identity;
mod layer;
mod lease;
mod limiter;
mod local;
pub mod people;
mod recent;
mod reload;
mod role;
mod settings;
mod shared;
pub mod table;
pub mod tokens;
mod verifying;

pub use bucket::{Limits, Moment, Usage, Verdict, until_tomorrow};
pub use credentials::{AccessError, Credentials};
pub use decision::{Access, Admission, Caller};
pub use identity::{ClientId, Identity, Proof};
pub use layer::{AccessLayer, Rendering};
pub use lease::Lease;
pub use reload::reload;
pub use role::{Role, UnknownRole};
pub use settings::{AccessSettings, Anonymous, RedisUrl};
pub use table::Need;
