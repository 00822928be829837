//! The exchange's REST interface. Requests, what their answers mean, and how a range is fetched page by page are pure
//! (`call`, `paging`, `trades`); what sends them is `client`.

mod backfill;
mod call;
mod client;
mod paging;
mod trades;
mod tries;

pub use backfill::backfill;
pub(crate) use call::retry_after;
pub use call::{RestCall, RestReply};
pub use client::RestClient;
pub use paging::{PAGE_ROWS, Paging, Step};
pub use trades::{TradePaging, TradedBar, kline_of_trades};
