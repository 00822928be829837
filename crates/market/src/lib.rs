//! The exchange: its wire formats as pure functions, and the sources that bring klines in, by REST, by
//! websocket, and from files. [`kline`]'s values are what comes out; nothing else of the exchange gets past here.
//!
//! ```
//! use market::binance::frame::{Frame, decode};
//! use market::kline::Interval;
//!
//! let text = br#"{"e":"kline","E":1645603361891,"s":"BTCUSDT","k":{"t":1645603200000,"T":1645604099999,
//!     "s":"BTCUSDT","i":"15m","f":100,"L":102,"o":"38151.16","c":"38179.09","h":"38188.98","l":"38116.45",
//!     "v":"84.49","n":3,"x":false,"q":"3223459.45","V":"38.35","Q":"1463375.36","B":"0"}}"#;
//! let Frame::Kline(frame) = decode(text, Interval::M15)? else { panic!("not a kline") };
//! assert_eq!(frame.kline.close, 38179.09);
//! assert!(!frame.closed);
//! # Ok::<(), market::binance::DecodeError>(())
//! ```

pub mod archive;
pub mod backoff;
pub mod binance;
mod error;
pub mod event;
pub mod files;
mod limits;
pub mod live;
pub mod renamed;
mod rest;
mod settings;
mod tls;
pub mod trades;

pub use error::MarketError;
pub use event::{BackfillProgress, KlineSource, MarketEvent, MarketKline, TradeIds};
pub use files::FileError;
pub use kline;
pub use limits::WeightBudget;
pub use live::LiveSource;
pub use rest::{
    PAGE_ROWS, Paging, RestCall, RestClient, RestReply, Step, TradePaging, TradedBar, backfill,
    kline_of_trades,
};
pub use settings::{
    BINANCE_API_REST_URL, BINANCE_REST_URL, BINANCE_STREAM_WEBSOCKET_URL, BINANCE_WEBSOCKET_URL,
    ExchangeLimits, ExchangeSettings, TradesUse, UnknownTradesUse,
};
