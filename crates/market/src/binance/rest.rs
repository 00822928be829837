//! REST answers.
//!
//! `GET /api/v3/klines` answers rows of twelve: open time, open, high, low, close, volume, close time, quote volume,
//! trades, taker base, taker quote, unused:
//!
//! ```json
//! [[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,
//!   "2434.19055334",308,"1756.87402397","28.46694368","0"]]
//! ```
//!
//! Source: Binance spot API, "Market Data endpoints". The last row may be the forming kline, without any mark.

use kline::{Interval, Kline, KlineFields, Milliseconds, Symbol};
use serde::Deserialize;

use super::DecodeError;
use super::scalar::{Scalar, closing, instant, opening};

/// Decodes the rows of `GET /api/v3/klines`; `symbol` is only checked to be what was asked for by the caller, since
/// the answer does not repeat it.
///
/// # Errors
/// [`DecodeError`] naming row, field and value; rows must be in strictly increasing order of time.
pub fn decode_klines(bytes: &[u8], interval: Interval, symbol: Symbol) -> Result<Vec<Kline>, DecodeError> {
    let rows: Vec<Vec<Scalar<'_>>> = serde_json::from_slice(bytes)
        .map_err(|error| DecodeError::Json(format!("klines of {symbol}: {error}")))?;
    let mut klines: Vec<Kline> = Vec::with_capacity(rows.len());
    for (row, cells) in (1u64..).zip(&rows) {
        let kline = decode_row(cells, interval).map_err(|error| error.in_row(row))?;
        if let Some(previous) = klines.last()
            && previous.open_time >= kline.open_time
        {
            let order = DecodeError::Order { previous: previous.open_time, open_time: kline.open_time };
            return Err(order.in_row(row));
        }
        klines.push(kline);
    }
    Ok(klines)
}

fn decode_row(cells: &[Scalar<'_>], interval: Interval) -> Result<Kline, DecodeError> {
    let (11.., Some(row)) = (cells.len(), cells.first_chunk::<11>()) else {
        return Err(DecodeError::Columns { found: cells.len(), expected: "12" });
    };
    let fields = KlineFields {
        open_time: opening("open_time", row[0].integer("open_time")?)?,
        open: row[1].decimal("open")?,
        high: row[2].decimal("high")?,
        low: row[3].decimal("low")?,
        close: row[4].decimal("close")?,
        volume: row[5].decimal("volume")?,
        close_time: closing("close_time", row[6].integer("close_time")?)?,
        quote_volume: row[7].optional_decimal("quote_volume")?,
        trades: row[8].optional_count("trades")?,
        taker_base: row[9].optional_decimal("taker_base")?,
        taker_quote: row[10].optional_decimal("taker_quote")?,
    };
    Ok(Kline::new(interval, fields)?)
}

/// Decodes `GET /api/v3/time`: `{"serverTime":1499827319559}`.
///
/// # Errors
/// [`DecodeError`] naming what is wrong.
pub fn decode_time(bytes: &[u8]) -> Result<Milliseconds, DecodeError> {
    #[derive(Deserialize)]
    struct Time<'a> {
        #[serde(rename = "serverTime", borrow, default)]
        server_time: Scalar<'a>,
    }
    let time: Time<'_> = from_json(bytes)?;
    instant("serverTime", time.server_time.integer("serverTime")?)
}

/// What the exchange says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeInfo {
    /// Its clock.
    pub server_time: Milliseconds,
    /// Request weight that one address may use a minute, if it says so.
    pub request_weight_per_minute: Option<u32>,
    /// Its markets.
    pub symbols: Vec<SymbolInfo>,
}

/// One market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolInfo {
    /// Its name.
    pub symbol: Symbol,
    /// Whether it trades now; klines only come while it does.
    pub status: TradingStatus,
}

/// Whether a market trades. Source: Binance spot API, "ENUM definitions", symbol status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradingStatus {
    /// `TRADING`.
    Trading,
    /// `HALT`: stopped for a while.
    Halt,
    /// `BREAK`: stopped, as a delisted or renamed market is for good.
    Break,
    /// Any other word; nothing is traded.
    Other,
}

impl TradingStatus {
    fn of(word: &str) -> Self {
        match word {
            "TRADING" => Self::Trading,
            "HALT" => Self::Halt,
            "BREAK" => Self::Break,
            _ => Self::Other,
        }
    }
}

#[derive(Deserialize)]
struct InfoWire<'a> {
    #[serde(rename = "serverTime", borrow, default)]
    server_time: Scalar<'a>,
    #[serde(rename = "rateLimits", borrow, default)]
    rate_limits: Vec<LimitWire<'a>>,
    #[serde(borrow)]
    symbols: Vec<SymbolWire<'a>>,
}

#[derive(Deserialize)]
struct LimitWire<'a> {
    #[serde(rename = "rateLimitType", borrow, default)]
    kind: Scalar<'a>,
    #[serde(borrow, default)]
    interval: Scalar<'a>,
    #[serde(rename = "intervalNum", borrow, default)]
    count: Scalar<'a>,
    #[serde(borrow, default)]
    limit: Scalar<'a>,
}

#[derive(Deserialize)]
struct SymbolWire<'a> {
    #[serde(borrow, default)]
    symbol: Scalar<'a>,
    #[serde(borrow, default)]
    status: Scalar<'a>,
}

/// Decodes `GET /api/v3/exchangeInfo`. Markets whose names are no symbols of ours (Binance lists some in Chinese
/// script) are left out.
///
/// # Errors
/// [`DecodeError`] naming what is wrong.
pub fn decode_exchange_info(bytes: &[u8]) -> Result<ExchangeInfo, DecodeError> {
    let wire: InfoWire<'_> = from_json(bytes)?;
    let mut symbols = Vec::with_capacity(wire.symbols.len());
    for entry in &wire.symbols {
        let status = TradingStatus::of(entry.status.text("status")?);
        if let Ok(symbol) = entry.symbol.text("symbol")?.parse() {
            symbols.push(SymbolInfo { symbol, status });
        }
    }
    let mut request_weight_per_minute = None;
    for limit in &wire.rate_limits {
        let per_minute = matches!(&limit.interval, Scalar::Text(unit) if unit == "MINUTE")
            && matches!(limit.count, Scalar::Integer(1));
        if per_minute && limit.kind.text("rateLimitType")? == "REQUEST_WEIGHT" {
            request_weight_per_minute = u32::try_from(limit.limit.integer("limit")?).ok();
        }
    }
    let server_time = instant("serverTime", wire.server_time.integer("serverTime")?)?;
    Ok(ExchangeInfo { server_time, request_weight_per_minute, symbols })
}

/// The exchange's own refusal, for example `{"code":-1121,"msg":"Invalid symbol."}`.
#[must_use]
pub fn decode_refusal(bytes: &[u8]) -> Option<(i64, String)> {
    #[derive(Deserialize)]
    struct Refusal<'a> {
        #[serde(borrow, default)]
        code: Scalar<'a>,
        #[serde(borrow, default)]
        msg: Scalar<'a>,
    }
    let refusal: Refusal<'_> = serde_json::from_slice(bytes).ok()?;
    let code = refusal.code.integer("code").ok()?;
    let message = refusal.msg.text("msg").ok()?;
    Some((code, message.chars().take(200).collect()))
}

fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| DecodeError::Json(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn klines(text: &str) -> Result<Vec<Kline>, DecodeError> {
        decode_klines(text.as_bytes(), Interval::M15, "BTCUSDT".parse().expect("a symbol"))
    }

    fn row(open_time: i64, change: impl Fn(&str) -> String) -> String {
        let close_time = open_time + 899_999;
        change(&format!(r#"[{open_time},"2.0","3.0","1.0","2.5","10",{close_time},"25",4,"5","12","0"]"#))
    }

    #[test]
    fn rows_decode_and_null_is_a_missing_column() {
        let text = format!(
            "[{},{}]",
            row(900_000, str::to_owned),
            row(1_800_000, |r| r.replace("\"25\",4,\"5\",\"12\"", "null,null,null,null"))
        );
        let found = klines(&text).expect("valid rows");
        assert_eq!(found[0].trades, Some(4));
        assert_eq!((found[1].quote_volume, found[1].trades, found[1].taker_quote), (None, None, None));
        assert_eq!(klines("[]"), Ok(Vec::new()));
    }

    #[test]
    fn each_fault_names_row_field_and_value() {
        let good = row(900_000, str::to_owned);
        let second = |change: &dyn Fn(&str) -> String| format!("[{good},{}]", row(1_800_000, change));
        let cases = [
            (second(&|r| r.replace("\"2.5\"", "\"abc\"")), vec!["row 2", "close", "abc"]),
            (second(&|r| r.replace("\"2.5\"", "2.5")), vec!["row 2", "close", "2.5"]),
            (second(&|r| r.replace("\"2.5\"", "\"9\"")), vec!["row 2", "high 3", "close 9"]),
            (second(&|r| r.replace(",4,", ",-4,")), vec!["row 2", "trades", "-4"]),
            (format!("[{good},{good}]"), vec!["row 2", "900000", "doubles"]),
            (format!("[{good},[1,2]]"), vec!["row 2", "2 columns"]),
        ];
        for (text, parts) in cases {
            let message = klines(&text).map_err(|error| error.to_string()).err().unwrap_or_default();
            assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} in {message:?}");
        }
        assert!(matches!(klines("{\"code\":-1121}"), Err(DecodeError::Json(_))));
    }

    #[test]
    fn time_and_refusal_are_read() {
        assert_eq!(decode_time(br#"{"serverTime":1499827319559}"#), Ok(1_499_827_319_559));
        assert_eq!(decode_time(br#"{"serverTime":1499827319559000}"#), Ok(1_499_827_319_559));
        assert!(decode_time(br#"{"serverTime":-1}"#).is_err());
        assert_eq!(decode_time(b"{}"), Err(DecodeError::Missing { field: "serverTime" }));
        let refusal = decode_refusal(br#"{"code":-1121,"msg":"Invalid symbol."}"#);
        assert_eq!(refusal, Some((-1121, "Invalid symbol.".to_owned())));
        assert_eq!(decode_refusal(b"<html>"), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let symbol = "BTCUSDT".parse().expect("a symbol");
            let _ = decode_klines(&bytes, Interval::M15, symbol);
            let _ = decode_time(&bytes);
            let _ = decode_exchange_info(&bytes);
            let _ = decode_refusal(&bytes);
        }

        #[test]
        fn damaged_rows_never_panic(at in 0usize..90, byte in any::<u8>()) {
            let mut bytes = format!("[{}]", row(900_000, str::to_owned)).into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = decode_klines(&bytes, Interval::M15, "BTCUSDT".parse().expect("a symbol"));
        }
    }
}
