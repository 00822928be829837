//! Aggregated trades. An event of `<symbol>@aggTrade`, and a row of `GET /api/v3/aggTrades`, which has neither `e`, `E` nor
//! `s`:
//!
//! ```json
//! {"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,
//!  "T":1672515782136,"m":true,"M":true}
//! ```
//!
//! Source: Binance spot API, "WebSocket Streams" and "Market Data endpoints".

use kline::Symbol;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::DecodeError;
use super::scalar::{Scalar, instant};
use crate::TradeIds;
use crate::trades::{AggTrade, Fixed};

#[derive(Deserialize)]
struct TradeWire<'a> {
    #[serde(borrow, default)]
    e: Scalar<'a>,
    // Told apart from `e`; not used: a trade has its own time.
    #[serde(rename = "E", borrow, default)]
    _event_time: Scalar<'a>,
    #[serde(borrow, default)]
    s: Scalar<'a>,
    #[serde(borrow, default)]
    a: Scalar<'a>,
    #[serde(borrow, default)]
    p: Scalar<'a>,
    #[serde(borrow, default)]
    q: Scalar<'a>,
    #[serde(borrow, default)]
    f: Scalar<'a>,
    #[serde(borrow, default)]
    l: Scalar<'a>,
    #[serde(rename = "T", borrow, default)]
    time: Scalar<'a>,
    #[serde(borrow, default)]
    m: Scalar<'a>,
}

#[derive(Deserialize)]
struct Combined<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Decodes the rows of `GET /api/v3/aggTrades` of a market.
///
/// # Errors
/// [`DecodeError`] naming row, field and value; rows must be in strictly increasing order of their numbers.
pub fn decode_agg_trades(bytes: &[u8], symbol: Symbol) -> Result<Vec<AggTrade>, DecodeError> {
    let rows: Vec<TradeWire<'_>> = serde_json::from_slice(bytes)
        .map_err(|error| DecodeError::Json(format!("trades of {symbol}: {error}")))?;
    let mut trades: Vec<AggTrade> = Vec::with_capacity(rows.len());
    for (row, wire) in (1_u64..).zip(&rows) {
        let trade = trade(wire).map_err(|error| error.in_row(row))?;
        if let Some(previous) = trades.last()
            && previous.id >= trade.id
        {
            let value = trade.id.to_string();
            let expected = "a number above the row's before";
            return Err(DecodeError::Field { field: "a", value, expected }.in_row(row));
        }
        trades.push(trade);
    }
    Ok(trades)
}

/// Decodes one event of a raw or combined stream; `None` for an event of another kind.
///
/// # Errors
/// [`DecodeError`] naming the field and its value.
pub fn decode_agg_trade(text: &[u8]) -> Result<Option<(Symbol, AggTrade)>, DecodeError> {
    let json = |error: serde_json::Error| DecodeError::Json(error.to_string());
    let outer: Combined<'_> = serde_json::from_slice(text).map_err(json)?;
    let event = outer.data.map_or(text, |data| data.get().as_bytes());
    let wire: TradeWire<'_> = serde_json::from_slice(event).map_err(json)?;
    if !matches!(&wire.e, Scalar::Text(name) if name == "aggTrade") {
        return Ok(None);
    }
    let name = wire.s.text("s")?;
    let symbol = name.parse().map_err(|_| DecodeError::field("s", name, "a symbol such as BTCUSDT"))?;
    Ok(Some((symbol, trade(&wire)?)))
}

fn trade(wire: &TradeWire<'_>) -> Result<AggTrade, DecodeError> {
    let (first, last) = (wire.f.integer("f")?, wire.l.integer("l")?);
    let refuse = || DecodeError::Disagree {
        field: "f",
        value: first.to_string(),
        other: "l",
        other_value: last.to_string(),
    };
    Ok(AggTrade {
        id: wire.a.integer("a")?,
        price: fixed("p", &wire.p)?,
        quantity: fixed("q", &wire.q)?,
        trade_ids: TradeIds::new(first, last).ok_or_else(refuse)?,
        time: instant("T", wire.time.integer("T")?)?,
        buyer_is_maker: wire.m.flag("m")?,
    })
}

fn fixed(field: &'static str, value: &Scalar<'_>) -> Result<Fixed, DecodeError> {
    let text = value.text(field)?;
    Fixed::parse(text)
        .ok_or_else(|| DecodeError::field(field, text, "a decimal number of up to eight places"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROW: &str = r#"{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27783,"T":1498793709153,"m":true,"M":true}"#;

    fn rows(text: &str) -> Result<Vec<AggTrade>, DecodeError> {
        decode_agg_trades(text.as_bytes(), "BNBBTC".parse().expect("a symbol"))
    }

    #[test]
    fn rows_and_events_are_read_to_the_same_trade() {
        let found = rows(&format!("[{ROW}]")).expect("a valid row");
        let expected = AggTrade {
            id: 26_129,
            price: Fixed::parse("0.01633102").expect("a decimal"),
            quantity: Fixed::parse("4.70443515").expect("a decimal"),
            trade_ids: TradeIds { first: 27_781, last: 27_783 },
            time: 1_498_793_709_153,
            buyer_is_maker: true,
        };
        assert_eq!(found, [expected]);
        let raw = ROW.replacen('{', r#"{"e":"aggTrade","E":1498793709160,"s":"BNBBTC","#, 1);
        let combined = format!(r#"{{"stream":"bnbbtc@aggTrade","data":{raw}}}"#);
        for text in [&raw, &combined] {
            let symbol = "BNBBTC".parse().expect("a symbol");
            assert_eq!(decode_agg_trade(text.as_bytes()), Ok(Some((symbol, expected))));
        }
        assert_eq!(decode_agg_trade(br#"{"e":"kline","E":1,"s":"BNBBTC"}"#), Ok(None));
        assert_eq!(decode_agg_trade(br#"{"result":null,"id":1}"#), Ok(None));
        let microseconds = rows(&format!("[{}]", ROW.replace("1498793709153", "1498793709153999")));
        assert_eq!(microseconds, Ok(vec![expected]));
        assert_eq!(rows("[]"), Ok(Vec::new()));
    }

    #[test]
    fn each_fault_names_row_field_and_value() {
        let second = |from: &str, to: &str| {
            let row = ROW.replace("26129", "26130").replace(from, to);
            rows(&format!("[{ROW},{row}]")).map_err(|error| error.to_string()).err().unwrap_or_default()
        };
        for (from, to, parts) in [
            (r#""0.01633102""#, r#""1.6e-2""#, ["field p", "1.6e-2"]),
            (r#""0.01633102""#, r#""0.016331021""#, ["field p", "0.016331021"]),
            (r#""4.70443515""#, "4.7", ["field q", "4.7"]),
            (r#""f":27781"#, r#""f":27784"#, ["field f is 27784", "27783"]),
            (r#""T":1498793709153,"#, "", ["field T", "missing"]),
            (r#""m":true"#, r#""m":1"#, ["field m", "1"]),
            ("26130", "26129", ["field a is 26129", "above"]),
        ] {
            let message = second(from, to);
            assert!(
                message.starts_with("row 2") && parts.iter().all(|part| message.contains(part)),
                "{message}"
            );
        }
        assert!(matches!(rows(r#"{"code":-1121}"#), Err(DecodeError::Json(_))));
    }

    proptest! {
        #[test]
        fn damaged_rows_and_events_never_panic(at in 0_usize..160, byte in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut damaged = format!("[{}]", ROW.replacen('{', r#"{"e":"aggTrade","s":"BNBBTC","#, 1)).into_bytes();
            let at = at % damaged.len();
            damaged[at] = byte;
            for text in [&damaged[..], &damaged[1..damaged.len() - 1], &bytes[..]] {
                let _ = decode_agg_trades(text, "BNBBTC".parse().expect("a symbol"));
                let _ = decode_agg_trade(text);
            }
        }
    }
}
